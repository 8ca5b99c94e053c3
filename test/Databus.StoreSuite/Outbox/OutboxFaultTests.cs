using Databus.Destinations;
using Databus.Outbox;
using Databus.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Databus.StoreSuite.Outbox;

/// <summary>What a relay and a flush make of a store that errs, of claims that are lost, and of sends that are cut off.</summary>
public abstract class OutboxFaultTests(OutboxHome home) : OutboxNodeSuite(home)
{
    private static readonly TimeSpan ShortLease = TimeSpan.FromSeconds(4);

    [Fact]
    public async Task A_renewal_that_fails_in_a_way_that_nobody_foresaw_is_not_the_last()
    {
        var renewals = 0;
        var probe = new OutboxProbe
        {
            Renewing = _ => Interlocked.Increment(ref renewals) == 1 ? throw new InvalidOperationException("Nobody foresaw this.") : Task.CompletedTask,
        };
        using var goOn = new ManualResetEventSlim();
        Box.Behaviour = (_, _) =>
        {
            goOn.Wait(Patience, Cancellation);
            return null;
        };
        await using var node = await OutboxNode.StartAsync(Home, Box, options: options => options.Lease = ShortLease, more: probe.StandIn);
        await RecordAsync(node, new Note("1"));

        // Longer than the lease is: five times three tenths of it.
        var isRenewed = await Deadline.WaitAsync(() => Volatile.Read(ref renewals) >= 6, Patience / 2, Cancellation);
        goOn.Set();
        Assert.True(isRenewed);
        Assert.True(await IsEmptyAsync(node));
        Assert.Equal(["1"], Box.Texts);
    }

    [Fact]
    public async Task Upkeep_that_fails_in_a_way_that_nobody_foresaw_stops_no_host()
    {
        var purges = 0;
        var clock = new FakeClock();
        var probe = new OutboxProbe
        {
            Purging = () => Interlocked.Increment(ref purges) == 1 ? throw new InvalidOperationException("Nobody foresaw this.") : Task.CompletedTask,
        };
        await using var node = await OutboxNode.StartAsync(Home, Box, more: services =>
        {
            probe.StandIn(services);
            services.AddSingleton<TimeProvider>(clock);
        });
        Assert.True(await Deadline.WaitAsync(
            () =>
            {
                clock.Advance(TimeSpan.FromSeconds(5));
                return Volatile.Read(ref purges) >= 2;
            },
            Patience, Cancellation));
        Assert.False(node.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping.IsCancellationRequested);
    }

    [Fact]
    public async Task What_a_batch_had_delivered_when_its_time_was_over_is_not_sent_again()
    {
        var sender = new HalfSender(Box);
        await using var node = await StartWithStampsAsync(sender, stamps => stamps.SendTimeLimit = TimeSpan.FromMilliseconds(300));
        await RecordAsync(node, Enumerable.Range(0, 10).Select(number => new Stamp($"{number}")));
        Assert.True(await Box.HasAsync(10));
        Assert.True(await IsEmptyAsync(node));
        AssertOnce(10);
    }

    [Fact]
    public async Task What_a_batch_had_delivered_when_its_host_stopped_is_not_sent_again()
    {
        var sender = new HalfSender(Box);
        await using (var node = await StartWithStampsAsync(sender, options: options => options.DrainTime = TimeSpan.FromMilliseconds(100)))
        {
            await RecordAsync(node, Enumerable.Range(0, 10).Select(number => new Stamp($"{number}")));
            await sender.IsHalfDone.WaitAsync(Patience, Cancellation);
        }

        Assert.Equal(5, Box.Mails.Count);
        await using var other = await StartWithStampsAsync(sender);
        Assert.True(await Box.HasAsync(10));
        Assert.True(await IsEmptyAsync(other));
        AssertOnce(10);
    }

    [Fact]
    public async Task An_ordered_flush_that_lost_its_claim_begins_anew_and_counts_each_message_once()
    {
        var probe = new OutboxProbe();
        await using var node = await OutboxNode.StartAsync(Home, Box, notes => (notes.AutoFlush, notes.BatchSize) = (false, 10), more: probe.StandIn);
        await RecordAsync(node, Enumerable.Range(0, 25).Select(number => new Note($"{number}")));
        var completions = 0;
        probe.Completing = async some =>
        {
            // As after a silence that was longer than its lease: somebody else has had the claim meanwhile, and gave it back.
            if (++completions == 2)
                await probe.Store.CompleteAsync([.. some.Select(one => new OutboxCompletion(one.Token, []))], Cancellation);
        };
        Assert.Equal(25, await node.Client.FlushOrderedAsync(new FlushOptions { Wait = TimeSpan.Zero }, Cancellation));
        Assert.Equal(
            Enumerable.Range(0, 20).Concat(Enumerable.Range(10, 15)).Select(number => $"{number}"), Box.Texts);
        Assert.Empty(await node.Client.PendingAsync(Cancellation));
    }

    private void AssertOnce(int count) =>
        Assert.Equal(Enumerable.Range(0, count).Select(number => $"{number}").Order(StringComparer.Ordinal), Box.Texts.Order(StringComparer.Ordinal));

    private Task<OutboxNode> StartWithStampsAsync(
        HalfSender sender, Action<OutboxMessageOptions<Stamp>>? configure = null, Action<OutboxOptions>? options = null) =>
        OutboxNode.StartAsync(Home, Box, options: options, more: services => services.AddOutboxMessage(
            "stamp", NoteJson.Default.Stamp, IOutboxBatchSender<Stamp> (_) => sender, configure));

    /// <summary>Takes half of its first batch, and is in no hurry with the rest; when it is cut off it says what it has done.</summary>
    private sealed class HalfSender(Mailbox box) : IOutboxBatchSender<Stamp>
    {
        private readonly TaskCompletionSource _half = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task IsHalfDone => _half.Task;

        public async Task<IReadOnlyList<SendOutcome>> SendAsync(IReadOnlyList<OutboxMessage<Stamp>> messages, CancellationToken cancellationToken)
        {
            var taken = _half.Task.IsCompleted ? messages.Count : messages.Count / 2;
            foreach (var message in messages.Take(taken))
                box.Take(message.Id, message.Content.Text, message.OrderKey, message.Attempt);
            if (_half.TrySetResult())
                await Task.Delay(Timeout.Infinite, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return [.. messages.Select((_, place) => place < taken ? SendOutcome.Sent : new SendOutcome(SendResult.Unavailable, "It was cut off."))];
        }
    }
}
