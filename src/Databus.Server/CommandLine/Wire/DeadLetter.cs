using System.Text.Json;

namespace Databus.Server.CommandLine.Wire;

internal sealed record DeadLetter(
    string Id,
    JsonElement Content,
    DateTimeOffset? AddedAt,
    int Attempts,
    string? Reason,
    DateTimeOffset? DiedAt);

internal sealed record DeadLetterList
{
    public required IReadOnlyList<DeadLetter> Dead { get; init; }

    public string? Next { get; init; }
}

/// <summary>Which dead letters are meant; null for all of them.</summary>
internal sealed record DeadLetterChoice(IReadOnlyList<string>? Ids);

/// <summary>How many were replayed or discarded; the other is null.</summary>
internal sealed record DeadLetterResult(long? Replayed, long? Discarded);
