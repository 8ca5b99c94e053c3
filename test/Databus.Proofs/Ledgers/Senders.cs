using Databus.Proofs.Http;

namespace Databus.Proofs.Ledgers;

/// <summary>
/// Senders whose content overlaps: half of what each sends is new, half was sent by another a moment ago. One that got
/// no answer sends the same again until it has one.
/// </summary>
internal sealed class Senders(BusClient client, IReadOnlyList<Ledger> ledgers, int seed)
{
    private const int Recent = 300;
    private const int LinesAtOnce = 40;
    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(25);

    private volatile bool _isStopping;

    public long Acknowledged => ledgers.Sum(ledger => ledger.Acknowledged);

    public long SingleAcknowledged => ledgers.Sum(ledger => ledger.SingleAcknowledged);

    /// <summary>Ends after <see cref="Stop"/>, when the last answers are there.</summary>
    /// <param name="first">The number of the first of these senders, where others send as well.</param>
    public Task RunAsync(int count, CancellationToken cancellationToken, int first = 0) => Task.WhenAll(
        Enumerable.Range(first, count).Select(sender => Task.Run(() => SendAsync(sender, cancellationToken), cancellationToken)));

    public void Stop() => _isStopping = true;

    private async Task SendAsync(int sender, CancellationToken cancellationToken)
    {
        var random = new Random(HashCode.Combine(seed, sender));
        while (!_isStopping)
        {
            var ledger = ledgers[random.Next(ledgers.Count)];
            switch (random.Next(100))
            {
                case 0:
                    await SendLinesAsync(ledger, sender, random, cancellationToken);
                    break;
                case < 15:
                    await SendOneAsync(ledger, PickOrder(ledger, random), sender, cancellationToken);
                    break;
                default:
                    await SendOneAsync(ledger, PickAd(ledger, random), sender, cancellationToken);
                    break;
            }
        }
    }

    private static Thing PickAd(Ledger ledger, Random random) =>
        new(IsOrder: false, Pick(random, ledger.Ads, ledger.NextAd));

    private static Thing PickOrder(Ledger ledger, Random random) =>
        new(IsOrder: true, Pick(random, ledger.Orders, ledger.NextOrder));

    private static long Pick(Random random, long sent, Func<long> next) =>
        sent == 0 || random.Next(2) == 0 ? next() : Math.Max(1, sent - random.Next(Recent));

    private async Task SendOneAsync(Ledger ledger, Thing thing, int sender, CancellationToken cancellationToken)
    {
        var content = thing.Content(sender);
        ledger.Sending(thing, sender);
        while (true)
        {
            var answer = await client.AddAsync(ledger.Topic, content, thing.Key, cancellationToken);
            ledger.Answered(thing, answer);
            if (!await IsToBeRepeatedAsync(answer.Result, cancellationToken))
                return;
        }
    }

    private async Task SendLinesAsync(Ledger ledger, int sender, Random random, CancellationToken cancellationToken)
    {
        var things = new HashSet<Thing>();
        for (var line = 0; line < LinesAtOnce; line++)
            things.Add(PickAd(ledger, random));
        var lines = new MemoryStream();
        foreach (var thing in things)
        {
            lines.Write(thing.Content(sender));
            lines.Write("\n"u8);
        }

        while (true)
        {
            var body = new ByteArrayContent(lines.GetBuffer(), 0, (int)lines.Length);
            var answer = await client.AddLinesAsync(ledger.Topic, body, cancellationToken);
            ledger.Answered(things, answer);
            if (!await IsToBeRepeatedAsync(answer.Result, cancellationToken))
                return;
        }
    }

    private async Task<bool> IsToBeRepeatedAsync(AddResult result, CancellationToken cancellationToken)
    {
        if (result is AddResult.Added or AddResult.Duplicate)
            return false;
        await Task.Delay(RetryDelay, cancellationToken);
        return !_isStopping;
    }
}
