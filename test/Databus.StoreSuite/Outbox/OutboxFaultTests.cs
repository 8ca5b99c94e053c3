using Databus.Outbox;
using Databus.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Databus.StoreSuite.Outbox;

/// <summary>What a relay makes of a store that errs.</summary>
public abstract class OutboxFaultTests(OutboxHome home) : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan ShortLease = TimeSpan.FromSeconds(4);

    private readonly Mailbox _box = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await home.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task A_renewal_that_fails_in_a_way_that_nobody_foresaw_is_not_the_last()
    {
        var renewals = 0;
        var probe = new OutboxProbe
        {
            Renewing = _ => Interlocked.Increment(ref renewals) == 1 ? throw new InvalidOperationException("Nobody foresaw this.") : Task.CompletedTask,
        };
        using var goOn = new ManualResetEventSlim();
        _box.Behaviour = (_, _) =>
        {
            goOn.Wait(Patience, Cancellation);
            return null;
        };
        await using var node = await OutboxNode.StartAsync(home, _box, options: options => options.Lease = ShortLease, more: probe.StandIn);
        await RecordAsync(node, "1");
        Assert.True(await Deadline.WaitAsync(() => Volatile.Read(ref renewals) > 0, Patience, Cancellation));
        await using var other = await OutboxNode.StartAsync(home, _box, options: options => options.Lease = ShortLease);

        // Longer than the lease is: five times three tenths of it.
        var isRenewed = await Deadline.WaitAsync(() => Volatile.Read(ref renewals) >= 6, Patience / 2, Cancellation);
        goOn.Set();
        Assert.True(isRenewed);
        Assert.True(await IsEmptyAsync(node));
        Assert.Equal(["1"], _box.Texts);
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
        await using var node = await OutboxNode.StartAsync(home, _box, more: services =>
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

    private static async Task<bool> IsEmptyAsync(OutboxNode node) =>
        await Deadline.WaitAsync(async () => (await node.Client.PendingAsync(Cancellation)).Count == 0, Patience, Cancellation);

    private async Task RecordAsync(OutboxNode node, params string[] texts)
    {
        await using var connection = await home.ConnectAsync();
        await node.Client.RecordManyAsync(connection, texts.Select(text => new Note(text)), Cancellation);
    }
}
