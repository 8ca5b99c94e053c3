using System.Globalization;

namespace Databus.CommandLine;

/// <summary>What strangers wrote, as a cell of a table: one line, and nothing that moves the terminal's cursor.</summary>
internal static class Printable
{
    private const int Longest = 120;

    public static string Line(string text)
    {
        var cut = text.Length > Longest ? text[..Longest] + "…" : text;
        return string.Create(cut.Length, cut, static (line, text) =>
        {
            for (var at = 0; at < text.Length; at++)
                line[at] = char.IsControl(text[at]) || char.GetUnicodeCategory(text[at]) == UnicodeCategory.Format ? ' ' : text[at];
        });
    }

    public static string Time(DateTimeOffset? time) =>
        time?.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture) ?? "-";

    /// <summary>Rows in aligned columns, for people and for grep.</summary>
    public static void Table(TextWriter output, IReadOnlyList<string[]> rows)
    {
        var widths = Enumerable.Range(0, rows[0].Length).Select(column => rows.Max(row => row[column].Length)).ToArray();
        foreach (var row in rows)
            output.WriteLine(string.Join("  ", row.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd());
    }
}
