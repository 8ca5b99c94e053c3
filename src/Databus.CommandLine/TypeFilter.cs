using System.CommandLine;
using Databus.Outbox;

namespace Databus.CommandLine;

/// <summary>Which types of message a command is about: all, named ones, or all but named ones.</summary>
internal sealed class TypeFilter
{
    private readonly OutboxTypes _types;

    public TypeFilter(OutboxTypes types)
    {
        _types = types;
        Names = new Argument<string[]>("types") { Description = "Names of types; all when none is given.", Arity = ArgumentArity.ZeroOrMore };
        Exclude = new Option<string[]>("--exclude") { Description = "All but this type; may be given several times.", HelpName = "type" };
        Names.Validators.Add(result => Check(result.Tokens, result.AddError));
        Exclude.Validators.Add(result => Check(result.Tokens, result.AddError));
    }

    public Argument<string[]> Names { get; }

    public Option<string[]> Exclude { get; }

    public bool IsGiven(ParseResult parsed) => parsed.GetValue(Names) is { Length: > 0 } || parsed.GetValue(Exclude) is { Length: > 0 };

    public bool Takes(ParseResult parsed, string name) => !IsGiven(parsed) || Choose(parsed).Contains(name, StringComparer.Ordinal);

    /// <summary>As they stand in the tables, old names included.</summary>
    public IReadOnlyList<string> Choose(ParseResult parsed)
    {
        var named = parsed.GetValue(Names) is { Length: > 0 } names ? names.Select(name => _types.Find(name)!) : _types.All;
        return [.. named.Except((parsed.GetValue(Exclude) ?? []).Select(name => _types.Find(name)!)).SelectMany(type => type.Names)];
    }

    private void Check(IReadOnlyList<System.CommandLine.Parsing.Token> tokens, Action<string> refuse)
    {
        foreach (var token in tokens.Where(token => _types.Find(token.Value) is null))
            refuse($"There is no type '{Printable.Line(token.Value)}'. There is: {string.Join(", ", _types.All.Select(type => type.Name))}.");
    }
}
