using Databus.Proofs.Http;

namespace Databus.Proofs.Ledgers;

/// <summary>A reader that follows a topic by <c>?after=</c> and remembers nothing but the last id.</summary>
internal sealed class PageFollower(BusClient client, string topic, int limit, Findings findings)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    public Sightings Sightings { get; } = new($"the reader of {topic} by after=, {limit} at a time,", findings);

    public async Task RunAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                var page = await client.ReadAsync(topic, Sightings.LastId, limit, stop);
                Sightings.Connections++;
                foreach (var item in page)
                    Sightings.Saw(item);
                if (page.Count == limit)
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
}
