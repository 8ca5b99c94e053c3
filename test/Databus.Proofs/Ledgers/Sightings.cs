using System.Collections.Concurrent;
using System.Text.Json;
using Databus.Proofs.Http;

namespace Databus.Proofs.Ledgers;

/// <summary>What one reader of a topic has seen, in the order it saw it (P3).</summary>
internal sealed class Sightings(string reader, Findings findings)
{
    private readonly ConcurrentQueue<(long Id, Thing Thing)> _seen = new();
    private long _lastId;

    public long LastId => Interlocked.Read(ref _lastId);

    public int Connections { get; set; }

    public void Saw(JsonElement item)
    {
        var id = Answer.ReadId(item);
        if (id <= _lastId)
            findings.Violated($"{reader}: saw {id} after {_lastId}");
        Interlocked.Exchange(ref _lastId, id);
        if (Thing.TryRecognise(item, out var thing, out _))
            _seen.Enqueue((id, thing));
        else
            findings.Violated($"{reader}: saw what nobody sends: {item}");
    }

    /// <summary>Whether it saw the whole log, each id once.</summary>
    public void Audit(IReadOnlyList<(long Id, Thing Thing)> log)
    {
        var seen = _seen.ToArray();
        var wrong = 0;
        for (var index = 0; index < Math.Max(seen.Length, log.Count) && wrong < 3; index++)
        {
            var (was, mustBe) = (seen.ElementAtOrDefault(index), log.ElementAtOrDefault(index));
            if (was == mustBe)
                continue;
            wrong++;
            findings.Violated($"{reader}: its item number {index + 1} is {was}, the log's is {mustBe}");
        }

        if (wrong == 0)
            findings.Say($"holds     {reader} saw all {seen.Length} ids once and in order, over {Connections} connections");
    }
}
