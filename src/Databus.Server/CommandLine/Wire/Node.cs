namespace Databus.Server.CommandLine.Wire;

internal sealed record Node(
    string Id,
    string Name,
    IReadOnlyList<string> Roles,
    string Version,
    DateTimeOffset? StartedAt,
    DateTimeOffset? SeenAt,
    string State,
    bool IsThis,
    IReadOnlyList<NodeWarning> Warnings);

internal sealed record NodeWarning(string Code, string Message);

internal sealed record NodeList
{
    public required IReadOnlyList<Node> Nodes { get; init; }
}
