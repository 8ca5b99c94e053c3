namespace Databus.Server.CommandLine;

/// <summary>
/// Rows of text in aligned columns, for people and for <c>grep</c>: no borders, no wrapping, no cutting, whatever the
/// width of the terminal.
/// </summary>
internal sealed class TextTable(params string[] header)
{
    private readonly List<string[]> _rows = [header];

    public void Add(params string[] cells) => _rows.Add(Array.ConvertAll(cells, Printable.Line));

    public void WriteTo(TextWriter output)
    {
        int[] widths = [.. Enumerable.Range(0, header.Length).Select(column => _rows.Max(row => row[column].Length))];
        foreach (string[] row in _rows)
            output.WriteLine(string.Join("  ", row.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd());
    }
}
