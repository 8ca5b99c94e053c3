namespace Databus.Sources;

/// <summary>
/// One way of collecting items from outside: a feed today; pages, JSON endpoints and files later.
/// An implementation reads, and only reads: the engine decides when to poll, appends what came,
/// and keeps <see cref="PollResult.State"/> once the items are on disk.
/// </summary>
public interface ISourceKind
{
    /// <summary>The word that names this kind in configuration, for example <c>feed</c>.</summary>
    string Name { get; }

    /// <summary>
    /// Reads the source once. What the outside does wrong (unreachable, malformed, too large) is a
    /// <see cref="PollOutcome.Failed"/> result and not an exception.
    /// </summary>
    Task<PollResult> PollAsync(PollRequest request, CancellationToken cancellationToken);
}
