using System.Globalization;
using System.Text.Json;
using System.Threading.Channels;
using Databus.Proofs.Http;

namespace Databus.Proofs.Consumers;

/// <summary>How one consumer behaves.</summary>
/// <param name="Max">How many it takes at once.</param>
/// <param name="LeaseSeconds">For how long it takes them.</param>
/// <param name="WorkMilliseconds">How long it works on what it took.</param>
/// <param name="Hold">It waits for a line on its standard input before it acknowledges.</param>
/// <param name="Heal">It acknowledges what is poison to the others.</param>
internal sealed record ConsumeSettings(
    Uri Address, string Topic, string Subscription, int Max, int LeaseSeconds, int WorkMilliseconds, bool Hold, bool Heal);

/// <summary>
/// A consumer, run as a process of its own: fetches, works, acknowledges, and returns what is poison. Each step is a
/// line on its standard output, for the ledger; it ends when its standard input does.
/// </summary>
internal sealed class Consume(ConsumeSettings settings, TextReader commands, TextWriter output)
{
    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(25);

    private readonly Lock _gate = new();
    private readonly Channel<string> _go = Channel.CreateUnbounded<string>();

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var client = new BusClient(settings.Address, TimeSpan.FromSeconds(30));
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var listening = Task.Run(() => ListenAsync(stop), CancellationToken.None);
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await HandleAsync(client, stop.Token);
            }
            catch (Exception error) when (BusClient.IsCut(error, stop.Token))
            {
                await Task.Delay(RetryDelay, stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (OperationCanceledException)
            {
                break;
            }
        }

        await listening;
    }

    private async Task ListenAsync(CancellationTokenSource stop)
    {
        while (await commands.ReadLineAsync(CancellationToken.None) is { } line)
            _go.Writer.TryWrite(line);
        await stop.CancelAsync();
    }

    private async Task HandleAsync(BusClient client, CancellationToken stop)
    {
        var taken = await client.FetchAsync(settings.Topic, settings.Subscription, settings.Max, waitSeconds: 1, settings.LeaseSeconds, stop);
        if (taken.Count == 0)
            return;
        foreach (var delivery in taken)
            Tell("got", delivery, delivery.Attempt);
        if (settings.Hold)
            await _go.Reader.ReadAsync(stop);
        if (settings.WorkMilliseconds > 0)
            await Task.Delay(settings.WorkMilliseconds, stop);

        var poison = taken.Where(delivery => !settings.Heal && IsPoison(delivery.Content)).ToList();
        var good = taken.Except(poison).ToList();
        await Task.WhenAll(
            SettleAsync("acked", good, tokens => client.AcknowledgeAsync(settings.Topic, settings.Subscription, tokens, stop), stop),
            SettleAsync("returned", poison, tokens => client.ReturnAsync(settings.Topic, settings.Subscription, tokens, "it is poison", stop), stop));
    }

    private async Task SettleAsync(
        string done, List<Delivery> deliveries, Func<IEnumerable<string>, Task<IReadOnlyList<string>>> settle, CancellationToken stop)
    {
        if (deliveries.Count == 0)
            return;
        try
        {
            var lost = (await settle(deliveries.Select(delivery => delivery.Token))).ToHashSet(StringComparer.Ordinal);
            foreach (var delivery in deliveries)
                Tell(lost.Contains(delivery.Token) ? "lost" : done, delivery, delivery.Attempt);
        }
        catch (Exception error) when (BusClient.IsCut(error, stop))
        {
            foreach (var delivery in deliveries)
                Tell("unknown", delivery, delivery.Attempt);
            throw;
        }
    }

    private static bool IsPoison(JsonElement content) => content.TryGetProperty("poison", out var poison) && poison.GetBoolean();

    private void Tell(string what, Delivery delivery, int attempt)
    {
        lock (_gate)
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what} {delivery.Id} {attempt}"));
            output.Flush();
        }
    }
}
