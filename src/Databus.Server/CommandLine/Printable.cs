using System.Globalization;
using System.Text.RegularExpressions;

namespace Databus.Server.CommandLine;

/// <summary>Text as it may reach a terminal.</summary>
internal static partial class Printable
{
    /// <summary>
    /// The text on one line. What comes from feeds, files and servers may carry control characters, and a terminal
    /// obeys those: each becomes a visible dot.
    /// </summary>
    public static string Line(string text) => text.AsSpan().ContainsAnyInRange('\0', '\x1f') || text.Any(IsHidden)
        ? string.Create(text.Length, text, static (line, source) =>
        {
            for (int i = 0; i < line.Length; i++)
                line[i] = IsHidden(source[i]) ? '·' : source[i];
        })
        : text;

    /// <summary>The text with the passwords of the addresses in it struck out.</summary>
    public static string WithoutPassword(string text) => Password().Replace(text, "***");

    /// <summary>A time in UTC to the second; a dash for none.</summary>
    public static string Time(DateTimeOffset? time) =>
        time?.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture) ?? "-";

    /// <summary>A number with its thousands apart.</summary>
    public static string Number(double number) =>
        Math.Round(number).ToString("#,0", CultureInfo.InvariantCulture).Replace(',', ' ');

    [GeneratedRegex(@"(?<=://[^\s/:@]*:)\S*(?=@)|(?<=[?&]password=)[^\s&]*", RegexOptions.IgnoreCase, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Password();

    private static bool IsHidden(char c) =>
        char.IsControl(c) || CharUnicodeInfo.GetUnicodeCategory(c) is UnicodeCategory.Format
            or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;
}
