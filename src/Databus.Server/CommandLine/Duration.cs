using System.CommandLine;
using System.Globalization;

namespace Databus.Server.CommandLine;

/// <summary>Spans of time the way people write them: <c>90</c> (seconds), <c>30s</c>, <c>5m</c>, <c>12h</c>, <c>14d</c>.</summary>
internal static class Duration
{
    /// <summary>An option that takes a span of whole seconds.</summary>
    public static Option<TimeSpan?> Option(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "time",
        CustomParser = result =>
        {
            if (TryParse(result.Tokens[0].Value, out TimeSpan span))
                return span;
            result.AddError($"{name} wants a time such as 30s, 5m, 12h or 14d, not '{Printable.Line(result.Tokens[0].Value)}'.");
            return null;
        },
    };

    /// <summary>Reads a span; false when the text is none, or more than ten years.</summary>
    public static bool TryParse(string text, out TimeSpan span)
    {
        span = default;
        if (text.Length == 0)
            return false;
        long unit = text[^1] switch { 's' => 1, 'm' => 60, 'h' => 3600, 'd' => 86_400, _ => 0 };
        string number = unit == 0 ? text : text[..^1];
        if (!int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int count))
            return false;
        long seconds = count * Math.Max(unit, 1);
        if (seconds > 3650 * 86_400L)
            return false;
        span = TimeSpan.FromSeconds(seconds);
        return true;
    }

    /// <summary>The shortest way to write a whole number of seconds.</summary>
    public static string Text(long seconds) => seconds switch
    {
        0 => "0s",
        _ when seconds % 86_400 == 0 => $"{seconds / 86_400}d",
        _ when seconds % 3600 == 0 => $"{seconds / 3600}h",
        _ when seconds % 60 == 0 => $"{seconds / 60}m",
        _ => $"{seconds}s",
    };
}
