using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Databus.Subscriptions;

/// <summary>
/// Proof of a lease: what is leased, an item or a job, and a fence that only grows for it, so that the token of
/// an earlier lease is recognised and refused (P4, P5). Written as <c>id-fence</c>, the fence in hex.
/// </summary>
public readonly record struct LeaseToken(long Id, long Fence)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Id}-{Fence:x}");

    public static bool TryParse([NotNullWhen(true)] string? text, out LeaseToken token)
    {
        token = default;
        var dash = text?.IndexOf('-', StringComparison.Ordinal) ?? -1;
        if (dash <= 0
            || !long.TryParse(text.AsSpan(0, dash), NumberStyles.None, CultureInfo.InvariantCulture, out var id)
            || !long.TryParse(text.AsSpan(dash + 1), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var fence))
        {
            return false;
        }

        token = new LeaseToken(id, fence);
        return true;
    }
}
