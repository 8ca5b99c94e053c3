using Databus.Destinations;

namespace Databus.Outbox;

/// <summary>
/// Tells a destination that is not there from a message for which alone it is not, as where a proxy answers for a service that this message
/// breaks. Such a message would open the circuit again and again, and hold up all others. So it has failed when it is told so in two
/// trials in each of which others were sent; once may be chance, when the destination comes or goes in the middle of a trial.
/// </summary>
internal sealed class OutboxTrials
{
    private readonly Lock _gate = new();

    /// <summary>By destination: those of its last trial that it was not there for, once while it took others.</summary>
    private readonly Dictionary<string, HashSet<long>> _suspects = new(StringComparer.Ordinal);

    /// <summary>
    /// The answers to a trial, where those who failed for their own sake have failed. A flush that goes on although the circuit is open is
    /// a trial too.
    /// </summary>
    public IReadOnlyList<OutboxAnswer?> Judge(OutboxType type, OutboxBatch batch, IReadOnlyList<OutboxAnswer?> answers)
    {
        var tookOthers = answers.Any(answer => answer is { IsSent: true });
        var judged = answers.ToArray();
        HashSet<long> suspects = [];
        lock (_gate)
        {
            var known = _suspects.GetValueOrDefault(type.Destination) ?? [];
            for (var place = 0; place < judged.Length; place++)
            {
                if (judged[place] is not { Outcome.Result: SendResult.Unavailable } answer)
                    continue;
                var id = batch.Messages[place].Id;
                if (tookOthers && known.Contains(id))
                    judged[place] = answer with { Outcome = answer.Outcome with { Result = SendResult.Failed } };
                else if (tookOthers || known.Contains(id))
                    suspects.Add(id);
            }

            _suspects[type.Destination] = suspects;
        }

        return judged;
    }
}
