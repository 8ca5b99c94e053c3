using System.Collections.Concurrent;
using Databus.Proofs.Http;

namespace Databus.Proofs.Ledgers;

/// <summary>What was sent to a topic and what was answered, kept outside the server.</summary>
internal sealed class Ledger(string topic, Findings findings)
{
    private readonly ConcurrentDictionary<Thing, long> _added = new();
    private readonly ConcurrentDictionary<Thing, long> _duplicates = new();
    private readonly ConcurrentDictionary<Thing, bool> _takenInBulk = new();
    private readonly ConcurrentDictionary<long, ulong> _senders = new();
    private long _ads;
    private long _orders;
    private long _addedInBulk;
    private long _refusals;
    private long _unknownRequests;
    private long _unknownThings;
    private long _duplicateAnswers;

    public string Topic => topic;

    /// <summary>Adds that were answered by 201, and lines that a bulk answer counted as added.</summary>
    public long Acknowledged => SingleAcknowledged + Interlocked.Read(ref _addedInBulk);

    public long SingleAcknowledged => _added.Count;

    /// <summary>Adds and lines that were taken, or known already, in all.</summary>
    public long Answers => Acknowledged + Interlocked.Read(ref _duplicateAnswers);

    /// <summary>The number of an ad nobody has sent yet.</summary>
    public long NextAd() => Interlocked.Increment(ref _ads);

    /// <summary>The number of an order nobody has sent yet.</summary>
    public long NextOrder() => Interlocked.Increment(ref _orders);

    public long Ads => Interlocked.Read(ref _ads);

    public long Orders => Interlocked.Read(ref _orders);

    /// <summary>Before it leaves: from now on it may be in the log.</summary>
    public void Sending(Thing thing, int sender)
    {
        if (thing.IsOrder)
            _senders.AddOrUpdate(thing.Number, 1UL << sender, (_, senders) => senders | (1UL << sender));
    }

    public void Answered(Thing thing, AddAnswer answer)
    {
        switch (answer.Result)
        {
            case AddResult.Added when !_added.TryAdd(thing, answer.Id):
                findings.Violated($"{topic}: {thing} was accepted twice, as {_added[thing]} and as {answer.Id}");
                break;
            case AddResult.Duplicate:
                Interlocked.Increment(ref _duplicateAnswers);
                var named = _duplicates.GetOrAdd(thing, answer.Id);
                if (named != answer.Id)
                    findings.Violated($"{topic}: the duplicates of {thing} are said to be {named} and {answer.Id}");
                break;
            case AddResult.Unknown:
                Interlocked.Increment(ref _unknownRequests);
                Interlocked.Increment(ref _unknownThings);
                break;
            case AddResult.Refused:
                Refused(answer.Status);
                break;
        }
    }

    public void Answered(IReadOnlyCollection<Thing> things, BulkAnswer answer)
    {
        switch (answer.Result)
        {
            case AddResult.Added:
                foreach (var thing in things)
                    _takenInBulk[thing] = true;
                Interlocked.Add(ref _addedInBulk, answer.Added);
                if (answer.Invalid != 0 || answer.Added + answer.Duplicates != things.Count)
                    findings.Violated($"{topic}: {things.Count} good lines were answered by {answer}");
                break;
            case AddResult.Unknown:
                Interlocked.Increment(ref _unknownRequests);
                Interlocked.Add(ref _unknownThings, things.Count);
                break;
            case AddResult.Refused:
                // Some of the lines may have been added before it was refused.
                Interlocked.Add(ref _unknownThings, things.Count);
                Refused(answer.Status);
                break;
        }
    }

    /// <summary>
    /// Whether what has been acknowledged is there, read from <paramref name="after"/> on. Senders may go on meanwhile.
    /// </summary>
    /// <returns>Up to where it was checked.</returns>
    public async Task<long> AuditTailAsync(BusClient client, long after, CancellationToken cancellationToken)
    {
        var expected = new Dictionary<long, Thing>();
        foreach (var (thing, id) in _added.Where(entry => entry.Value > after))
        {
            if (!expected.TryAdd(id, thing))
                findings.Violated($"{topic}: {id} was acknowledged for {expected[id]} and for {thing}");
        }

        var last = after;
        await foreach (var item in client.ReadAllAsync(topic, after, cancellationToken))
        {
            var id = Answer.ReadId(item);
            if (id <= last)
                findings.Violated($"{topic}: the log shows {id} after {last}");
            last = id;
            if (expected.Remove(id, out var thing) && !(Thing.TryRecognise(item, out var found, out _) && found == thing))
                findings.Violated($"{topic}: {id} was acknowledged for {thing} and holds {item}");
        }

        foreach (var (id, thing) in expected)
            findings.Violated($"{topic}: {thing} was acknowledged as {id} and is not there");
        return last;
    }

    /// <summary>The whole log against everything that was sent and answered. Nobody sends meanwhile.</summary>
    /// <returns>What the log holds, in its order.</returns>
    public async Task<IReadOnlyList<(long Id, Thing Thing)>> AuditAsync(BusClient client, CancellationToken cancellationToken)
    {
        var log = new List<(long Id, Thing Thing)>();
        var byThing = new Dictionary<Thing, long>();
        long last = 0, unexpected = 0, twice = 0;
        await foreach (var item in client.ReadAllAsync(topic, after: 0, cancellationToken))
        {
            var id = Answer.ReadId(item);
            if (id <= last)
                findings.Violated($"{topic}: the log shows {id} after {last}");
            last = id;
            if (!Thing.TryRecognise(item, out var thing, out var sender) || !WasSent(thing, sender))
            {
                unexpected++;
                findings.Violated($"{topic}: {id} holds what nobody sent: {item}");
                continue;
            }

            log.Add((id, thing));
            if (!byThing.TryAdd(thing, id))
            {
                twice++;
                findings.Violated($"{topic}: {thing} is there twice, as {byThing[thing]} and as {id}");
            }
        }

        var lost = Missing(_added, byThing, "acknowledged as");
        var notThere = Missing(_duplicates, byThing, "called a duplicate of");
        var lostInBulk = 0;
        foreach (var thing in _takenInBulk.Keys.Where(thing => !byThing.ContainsKey(thing)))
        {
            lostInBulk++;
            findings.Violated($"{topic}: {thing} was acknowledged in bulk and is lost");
        }

        var unclaimed = log.Count - Acknowledged;
        findings.Say(
            $"ledger of {topic}: {SingleAcknowledged} adds and {_addedInBulk} bulk lines acknowledged, "
            + $"{_duplicateAnswers} duplicates answered, {_unknownRequests} requests without an answer, {_refusals} refused");
        findings.Say(
            $"log of {topic}: {log.Count} items, last id {last}: {lost + lostInBulk} lost, {unexpected} unexpected, "
            + $"{twice} accepted twice, {notThere} duplicates that are not there, {unclaimed} taken without the sender having the answer");
        if (unclaimed < 0 || unclaimed > _unknownThings)
        {
            findings.Violated(
                $"{topic}: the log holds {log.Count} items, {Acknowledged} were acknowledged and {_unknownThings} may be there");
        }

        return log;
    }

    private void Refused(int status)
    {
        Interlocked.Increment(ref _refusals);
        if (status is not (429 or 503 or 507))
            findings.Violated($"{topic}: a good add was answered by {status}");
    }

    private bool WasSent(Thing thing, int sender) => thing.Number > 0 && (thing.IsOrder
        ? _senders.TryGetValue(thing.Number, out var senders) && (senders & (1UL << sender)) != 0
        : thing.Number <= Ads);

    private int Missing(ConcurrentDictionary<Thing, long> answered, Dictionary<Thing, long> log, string how)
    {
        var missing = 0;
        foreach (var (thing, id) in answered)
        {
            if (log.TryGetValue(thing, out var found) && found == id)
                continue;
            missing++;
            findings.Violated($"{topic}: {thing} was {how} {id} and is {(found == 0 ? "not there" : $"{found}")}");
        }

        return missing;
    }
}
