namespace Databus.Server.CommandLine.Wire;

internal sealed record Topic(
    string Name,
    IReadOnlyList<string>? KeyPointers,
    long WindowSeconds,
    long? RetentionSeconds,
    long Items,
    string? LastId,
    DateTimeOffset? LastAddedAt,
    DateTimeOffset? CreatedAt,
    int Subscriptions);

internal sealed record TopicList
{
    public required IReadOnlyList<Topic> Topics { get; init; }
}
