using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Databus.Subscriptions;

/// <summary>
/// Proof of a lease: the item, and a fence that only grows within a subscription, so that the token of
/// an earlier lease of the same item is recognised and refused (P4). Written as <c>id-fence</c>, the fence in hex.
/// </summary>
public readonly record struct LeaseToken(long ItemId, long Fence)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{ItemId}-{Fence:x}");

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
