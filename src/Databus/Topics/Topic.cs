namespace Databus.Topics;

/// <summary>A topic's identity and settings, as the append path needs them.</summary>
/// <param name="Number">The store's own number, never used again for another topic.</param>
public sealed record Topic(int Number, string Name, TopicSettings Settings)
{
    /// <summary>The number of a topic that no store has yet.</summary>
    public const int NotCreated = 0;
}

/// <summary>A topic as an operator sees it.</summary>
/// <param name="LastId">The last id given out, 0 when there was none; ids are never used again.</param>
public sealed record TopicStatus(
    Topic Topic,
    long Items,
    long LastId,
    DateTimeOffset? LastAddedAt,
    DateTimeOffset CreatedAt,
    int Subscriptions);
