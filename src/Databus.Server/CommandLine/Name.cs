using System.CommandLine;
using System.Text.RegularExpressions;

namespace Databus.Server.CommandLine;

/// <summary>Names of topics, subscriptions, sources and tokens.</summary>
internal static partial class Name
{
    /// <summary>An argument that is a name. Anything else is refused before it can become part of an address.</summary>
    public static Argument<string> Argument(string name, string description)
    {
        var argument = new Argument<string>(name) { Description = description };
        argument.Validators.Add(result => Check(result.Tokens, result.AddError));
        return argument;
    }

    /// <summary>An option that is a name.</summary>
    public static Option<string?> Option(string name, string description)
    {
        var option = new Option<string?>(name) { Description = description, HelpName = "name" };
        option.Validators.Add(result => Check(result.Tokens, result.AddError));
        return option;
    }

    private static void Check(IReadOnlyList<System.CommandLine.Parsing.Token> tokens, Action<string> refuse)
    {
        foreach (System.CommandLine.Parsing.Token token in tokens)
        {
            if (!Allowed().IsMatch(token.Value))
            {
                refuse($"'{Printable.Line(token.Value)}' is no name: names are up to 100 letters, digits, '.', '_' and '-', "
                    + "beginning with a letter or a digit.");
            }
        }
    }

    [GeneratedRegex(@"\A[A-Za-z0-9][A-Za-z0-9._-]{0,99}\z", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Allowed();
}
