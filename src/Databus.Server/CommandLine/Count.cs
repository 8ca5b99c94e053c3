using System.CommandLine;
using System.Globalization;

namespace Databus.Server.CommandLine;

/// <summary>Options that say how many.</summary>
internal static class Count
{
    /// <summary>An option that takes a whole number from 1.</summary>
    public static Option<int?> Option(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "n",
        CustomParser = result =>
        {
            if (int.TryParse(result.Tokens[0].Value, NumberStyles.None, CultureInfo.InvariantCulture, out int count) && count > 0)
                return count;
            result.AddError($"{name} wants a whole number from 1.");
            return null;
        },
    };
}
