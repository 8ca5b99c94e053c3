using System.Globalization;
using Databus.Json;
using Databus.Topics;

namespace Databus.Redis;

/// <summary>
/// A fact as Redis holds it: under <c>databus:{generation}:{topic}:{hash}</c> the item's id, a colon, and until when the
/// key is taken in milliseconds since 1970; nothing after the colon: for ever.
/// </summary>
internal static class FactText
{
    public static string PrefixOf(string generation, int topic) => string.Create(CultureInfo.InvariantCulture, $"databus:{generation}:{topic}:");

    public static string Write(KnownKey fact) => fact.TakenUntil == DateTimeOffset.MaxValue
        ? string.Create(CultureInfo.InvariantCulture, $"{fact.ItemId}:")
        : string.Create(CultureInfo.InvariantCulture, $"{fact.ItemId}:{fact.TakenUntil.ToUnixTimeMilliseconds()}");

    /// <summary>False: nobody of us wrote this.</summary>
    public static bool TryRead(KeyHash hash, ReadOnlySpan<char> text, out KnownKey fact)
    {
        fact = default;
        var colon = text.IndexOf(':');
        if (colon < 0 || !long.TryParse(text[..colon], NumberStyles.None, CultureInfo.InvariantCulture, out var id) || id == 0)
            return false;
        var until = DateTimeOffset.MaxValue;
        if (colon + 1 < text.Length)
        {
            if (!long.TryParse(text[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var milliseconds)
                || milliseconds > DateTimeOffset.MaxValue.ToUnixTimeMilliseconds())
            {
                return false;
            }

            until = DateTimeOffset.FromUnixTimeMilliseconds(milliseconds);
        }

        fact = new KnownKey(hash, id, until);
        return true;
    }
}
