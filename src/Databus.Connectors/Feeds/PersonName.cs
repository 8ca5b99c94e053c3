using System.Text.RegularExpressions;

namespace Databus.Connectors.Feeds;

/// <summary>RSS writes people as "address (name)", among other ways; the name is what is wanted.</summary>
internal static partial class PersonName
{
    public static string? Of(string? text)
    {
        if (PlainText.Line(text) is not { } line)
            return null;
        var match = AddressAndName().Match(line);
        if (!match.Success)
            match = NameAndAddress().Match(line);
        return match.Success ? match.Groups["name"].Value.Trim(' ', '"') : line;
    }

    [GeneratedRegex(
        @"^(mailto:)?[^\s@()<>]+@[^\s@()<>]+ ?\((?<name>[^()]*[^()\s][^()]*)\)$",
        RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture)]
    private static partial Regex AddressAndName();

    [GeneratedRegex(
        @"^(?<name>[^<>()@]*[^<>()@\s""][^<>()@]*) ?[<(](mailto:)?[^\s@()<>]+@[^\s@()<>]+[>)]$",
        RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture)]
    private static partial Regex NameAndAddress();
}
