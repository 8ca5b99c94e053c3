using System.Globalization;
using Databus.AspNetCore.Problems;
using Databus.AspNetCore.Topics;
using Microsoft.AspNetCore.Http;

namespace Databus.AspNetCore;

/// <summary>Reads a request's query. The first thing that is wrong in it is kept, as the answer.</summary>
internal sealed class QueryReader(IQueryCollection values)
{
    private readonly HashSet<string> _known = new(StringComparer.OrdinalIgnoreCase);

    public Problem? Problem { get; private set; }

    /// <summary>Null: not given, or empty.</summary>
    public string? Text(string name)
    {
        _known.Add(name);
        var given = values[name];
        if (given.Count > 1)
            Problem ??= Problem.Invalid(name, $"{name} is given more than once.");
        return given is [{ Length: > 0 } text] ? text : null;
    }

    /// <summary>Separated by commas.</summary>
    public string[]? List(string name) => Text(name)?.Split(',', StringSplitOptions.TrimEntries);

    public double? Number(string name) =>
        Read<double>(name, (string text, out double number) => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out number), "a number");

    public int? Whole(string name) =>
        Read<int>(name, (string text, out int number) => int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out number), "a whole number");

    public long? Id(string name) => Read<long>(name, ItemRoutes.TryReadId, "an id: a whole number");

    public bool? Flag(string name) => Read<bool>(name, bool.TryParse, "true or false");

    public DateTimeOffset? Time(string name) => Read<DateTimeOffset>(
        name,
        (string text, out DateTimeOffset time) => DateTimeOffset.TryParseExact(
            text, ["yyyy-MM-dd'T'HH:mm:ssK", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK"], CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out time),
        "a time such as 2026-11-21T08:00:00Z");

    /// <summary>Refuses what was not asked for: where a misspelt name would be obeyed as if it were not there.</summary>
    public void RefuseOthers()
    {
        if (values.Keys.FirstOrDefault(key => !_known.Contains(key)) is { } unknown)
            Problem ??= Problem.Invalid(Json.JsonError.Quoted(unknown), $"There is no such parameter; there are {string.Join(", ", _known)}.");
    }

    private T? Read<T>(string name, TryRead<T> read, string expected)
        where T : struct
    {
        if (Text(name) is not { } text)
            return null;
        if (read(text, out var value))
            return value;
        Problem ??= Problem.Invalid(name, $"{name} is {expected}.");
        return null;
    }

    private delegate bool TryRead<T>(string text, out T value);
}
