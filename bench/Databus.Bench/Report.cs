using System.Globalization;
using System.Text.Json;

namespace Databus.Bench;

/// <summary>One figure beside its baseline, both measured in the same run.</summary>
/// <param name="Limit">What the ratio (or the value, where there is no baseline) is meant to keep to; null: no limit is set.</param>
internal sealed record Figure(string Name, string Unit, double Value, string? Baseline, double? BaselineValue, Limit? Limit)
{
    public double? Ratio => BaselineValue is { } baseline ? Value / baseline : null;
}

/// <summary>A floor or a ceiling.</summary>
internal sealed record Limit(double Value, bool IsFloor)
{
    public static Limit AtLeast(double value) => new(value, IsFloor: true);

    public static Limit AtMost(double value) => new(value, IsFloor: false);

    public bool IsKept(double value) => IsFloor ? value >= Value : value <= Value;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{(IsFloor ? "≥" : "≤")} {Value:0.##}");
}

/// <summary>All figures of a run.</summary>
internal sealed class Report
{
    private static readonly JsonSerializerOptions Readable = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    private readonly List<Figure> _figures = [];

    public void Add(Figure figure)
    {
        _figures.Add(figure);
        Console.Error.WriteLine($"  {Line(figure)}");
    }

    public void Print(TextWriter output)
    {
        output.WriteLine();
        output.WriteLine($"{"",-44} {"Databus",12} {"baseline",12} {"ratio",7} {"limit",8}");
        foreach (var figure in _figures)
            output.WriteLine(Line(figure));
    }

    public void Write(string file)
    {
        if (Path.GetDirectoryName(Path.GetFullPath(file)) is { } folder)
            Directory.CreateDirectory(folder);
        var rows = _figures.Select(figure => new
        {
            figure.Name,
            figure.Unit,
            figure.Value,
            figure.Baseline,
            figure.BaselineValue,
            figure.Ratio,
            Limit = figure.Limit?.ToString(),
            Kept = figure.Limit?.IsKept(figure.Ratio ?? figure.Value),
        });
        File.WriteAllText(file, JsonSerializer.Serialize(new { Processors = Environment.ProcessorCount, Figures = rows }, Readable));
    }

    private static string Line(Figure figure)
    {
        var verdict = figure.Limit is not { } limit ? "" : limit.IsKept(figure.Ratio ?? figure.Value) ? "kept" : "MISSED";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{figure.Name + ", " + figure.Unit,-44} {figure.Value,12:#,0.##} {figure.BaselineValue,12:#,0.##} {figure.Ratio,7:0.00} {figure.Limit,8} {verdict} {(figure.Baseline is null ? "" : $"({figure.Baseline})")}").TrimEnd();
    }
}
