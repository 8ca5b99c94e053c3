using System.Globalization;
using System.Text;

namespace Databus.Storage;

/// <summary>What a search for a text in JSON means to SQL's LIKE, with <c>!</c> as its escape character.</summary>
internal static class LikePattern
{
    /// <summary>The text as it is. A NUL can only be there escaped.</summary>
    public static string Of(string text) =>
        text.Contains('\0', StringComparison.Ordinal) ? OfEscaped(text)
        : $"%{text.Replace("!", "!!", StringComparison.Ordinal).Replace("%", "!%", StringComparison.Ordinal).Replace("_", "!_", StringComparison.Ordinal)}%";

    /// <summary>
    /// The text as JSON may write it: many senders write everything beyond ASCII as <c>\uXXXX</c>. Upper and lower case
    /// of A to Z are alike to LIKE as it is used here, so the case of the hex digits does not matter.
    /// </summary>
    public static string OfEscaped(string text)
    {
        var escaped = new StringBuilder(text.Length);
        foreach (var c in text)
        {
            _ = c switch
            {
                '"' or '\\' => escaped.Append('\\').Append(c),
                >= ' ' and <= '~' => escaped.Append(c),
                _ => escaped.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
            };
        }

        return Of(escaped.ToString());
    }
}
