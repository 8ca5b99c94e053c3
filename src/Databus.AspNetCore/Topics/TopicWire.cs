using Databus.Topics;

namespace Databus.AspNetCore.Topics;

/// <summary>What may be said about a topic. What is left out keeps its value, or the default at the start.</summary>
internal sealed record TopicSettingsBody
{
    public string[]? KeyPointers { get; init; }

    public double? WindowSeconds { get; init; }

    /// <summary>Null is a value here: keep for ever. Set, not init: what is init is set by the serializer even when it is left out.</summary>
    public double? RetentionSeconds
    {
        get;
        set
        {
            field = value;
            HasRetention = true;
        }
    }

    internal bool HasRetention { get; private set; }
}

internal sealed record TopicAnswer(
    string Name, IReadOnlyList<string> KeyPointers, double WindowSeconds, double? RetentionSeconds,
    long Items, string LastId, DateTimeOffset? LastAddedAt, DateTimeOffset CreatedAt, int Subscriptions)
{
    public static TopicAnswer Of(TopicStatus status) => new(
        status.Topic.Name,
        status.Topic.Settings.KeyPointers,
        status.Topic.Settings.Window.TotalSeconds,
        status.Topic.Settings.Retention?.TotalSeconds,
        status.Items,
        status.LastId.ToString(),
        status.LastAddedAt,
        status.CreatedAt,
        status.Subscriptions);
}

internal sealed record TopicsAnswer(IEnumerable<TopicAnswer> Topics);

internal sealed record BulkAnswer(long Added, long Duplicates, long Invalid, IReadOnlyList<BulkError> Errors);

/// <summary>One refused line or element.</summary>
/// <param name="Line">Counted from 1.</param>
internal sealed record BulkError(long Line, string Error);
