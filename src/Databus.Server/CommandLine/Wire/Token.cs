namespace Databus.Server.CommandLine.Wire;

internal sealed record TokenName(string Name);

internal sealed record TokenList
{
    public required IReadOnlyList<KnownToken> Tokens { get; init; }
}
