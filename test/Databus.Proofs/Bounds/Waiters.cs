using System.Collections.Concurrent;
using Databus.Proofs.Http;

namespace Databus.Proofs.Bounds;

/// <summary>Long polls and readers of events that wait, and what reached them.</summary>
internal sealed class Waiters(BusClient client, CancellationToken end)
{
    private const int WaitSeconds = 60;

    private readonly List<Task> _tasks = [];
    private readonly ConcurrentDictionary<string, int> _answered = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, int> _seen = new(StringComparer.Ordinal);
    private int _openViews;
    private int _failures;

    public int OpenViews => Volatile.Read(ref _openViews);

    public int Failures => Volatile.Read(ref _failures);

    public string? FirstFailure { get; private set; }

    public int Answered => _answered.Values.Sum();

    public int AnsweredIn(string topic) => _answered.GetValueOrDefault(topic);

    public int SeenIn(string topic) => _seen.GetValueOrDefault(topic);

    public void Poll(string topic, string subscription) => _tasks.Add(RunAsync(async () =>
    {
        if ((await client.FetchAsync(topic, subscription, max: 1, WaitSeconds, leaseSeconds: 60, end)).Count > 0)
            _answered.AddOrUpdate(topic, 1, (_, count) => count + 1);
    }));

    public void View(string topic) => _tasks.Add(RunAsync(async () =>
    {
        await using var stream = await client.OpenEventsAsync(topic, after: null, lastEventId: null, end);
        Interlocked.Increment(ref _openViews);
        await foreach (var frame in EventReader.ReadAsync(stream, end))
        {
            if (frame.Data is not null)
                _seen.AddOrUpdate(topic, 1, (_, count) => count + 1);
        }
    }));

    public Task EndAsync() => Task.WhenAll(_tasks);

    private async Task RunAsync(Func<Task> wait)
    {
        try
        {
            await wait();
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            // The end of the proof.
        }
        catch (Exception error)
        {
            Interlocked.Increment(ref _failures);
            FirstFailure ??= error.Message;
        }
    }
}
