using Databus.AspNetCore.Problems;

namespace Databus.AspNetCore;

/// <summary>The answer to a number or text that is beyond its limit.</summary>
internal static class Ranges
{
    /// <summary>Null: it is within, or not given.</summary>
    public static Problem? Judge(string field, double? value, double least, double most) =>
        value is null || (value >= least && value <= most)
            ? null
            : Problem.Invalid(field, $"{field} is from {least} to {most}.") with { Limit = (long)(value < least ? least : most) };

    /// <inheritdoc cref="Judge(string, double?, double, double)"/>
    public static Problem? Judge(string field, string? text, int most) => text?.Length > most
        ? Problem.Invalid(field, $"{field} may have {most} characters at most.") with { Limit = most }
        : null;

    /// <inheritdoc cref="Judge(string, double?, double, double)"/>
    public static Problem? Judge<T>(string field, IReadOnlyCollection<T>? list, int most) => list?.Count > most
        ? Problem.Invalid(field, $"{field} may have {most} entries at most.") with { Limit = most }
        : null;
}
