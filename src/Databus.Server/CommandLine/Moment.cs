using System.CommandLine;
using System.Globalization;

namespace Databus.Server.CommandLine;

/// <summary>Points in time the way people and programs write them: <c>2026-11-21T08:00:00Z</c>.</summary>
internal static class Moment
{
    /// <summary>An option that takes a point in time, in UTC where it does not say otherwise.</summary>
    public static Option<DateTimeOffset?> Option(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "time",
        CustomParser = result =>
        {
            if (DateTimeOffset.TryParse(
                result.Tokens[0].Value, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset moment))
            {
                return moment;
            }
            result.AddError($"{name} wants a time such as 2026-11-21T08:00:00Z.");
            return null;
        },
    };

    /// <summary>As it is sent.</summary>
    public static string Text(DateTimeOffset moment) =>
        moment.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fffffff'Z'", CultureInfo.InvariantCulture);
}
