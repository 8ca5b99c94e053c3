using System.Text.Json;
using Databus.Proofs.Http;

namespace Databus.Proofs.Ledgers;

/// <summary>
/// A reader that follows a topic by server-sent events as a browser does: it reconnects with the last id the stream
/// named, whatever frame named it.
/// </summary>
/// <param name="maxPerConnection">After at most so many events it cuts the connection itself; null: never.</param>
internal sealed class EventFollower(BusClient client, string topic, int? maxPerConnection, int seed, Findings findings)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    private readonly Random _random = new(seed);
    private string? _lastEventId;

    public Sightings Sightings { get; } = new(
        $"the reader of {topic} by events{(maxPerConnection is null ? "" : $", cut after at most {maxPerConnection},")}", findings);

    public async Task RunAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await FollowAsync(stop);
                continue;
            }
            catch (Exception error) when (BusClient.IsCut(error, stop))
            {
                // The server is down; it comes back.
            }
            catch (OperationCanceledException)
            {
                return;
            }

            await Task.Delay(Pause, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task FollowAsync(CancellationToken stop)
    {
        await using var stream = await client.OpenEventsAsync(topic, _lastEventId is null ? 0 : null, _lastEventId, stop);
        Sightings.Connections++;
        var left = maxPerConnection is { } max ? _random.Next(1, max + 1) : int.MaxValue;
        await foreach (var frame in EventReader.ReadAsync(stream, stop))
        {
            _lastEventId = frame.Id ?? _lastEventId;
            if (frame.Data is null)
                continue;
            var item = JsonElement.Parse(frame.Data);
            if (frame.Id != item.GetProperty("id").GetString())
                findings.Violated($"{topic}: an event named {frame.Id} carries {item}");
            Sightings.Saw(item);
            if (--left == 0)
                return;
        }
    }
}
