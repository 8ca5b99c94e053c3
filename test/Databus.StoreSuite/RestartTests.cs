using Databus.Storage;
using Databus.Subscriptions;
using Databus.Topics;

namespace Databus.StoreSuite;

/// <summary>A reopened store goes on exactly where the last one stopped.</summary>
public abstract class RestartTests(StoreHome home) : StoreTests(home)
{
    [Fact]
    public async Task Items_keys_and_ids_go_on()
    {
        await TopicOfAsync(3);
        await ReopenAsync();
        var topic = await Store.FindTopicAsync("letters", Cancellation);
        Assert.NotNull(topic);
        Assert.Equal([1, 2, 3], Ids(await AllItemsAsync(topic)));
        Assert.Equal(new AppendOutcome(3, Added: false), await AppendAsync(topic, "3"));
        Assert.Equal(new AppendOutcome(4, Added: true), await AppendAsync(topic, "4"));
        Assert.Equal(4, (await TopicStatusAsync()).Items);
    }

    [Fact]
    public async Task Leases_attempts_delays_and_dead_letters_go_on()
    {
        var topic = await TopicOfAsync(5);
        await SubscribeAsync(topic, new SubscriptionSettings { MaxAttempts = 2, MaxInFlight = 4 });
        var tokens = Tokens(await FetchAsync(topic, max: 4, lease: Lease));
        await NackAsync(topic, tokens[0], delay: TimeSpan.FromSeconds(5), reason: "one");
        await NackAsync(topic, tokens[1], reason: "two");
        await NackAsync(topic, (await FetchOneAsync(topic)).Token!.Value, reason: "two again");
        var before = await StatusAsync(topic);

        await ReopenAsync();
        Assert.Equal(before, await StatusAsync(topic));
        Assert.Equal("two again", Assert.Single(await DeadAsync(topic)).Reason);
        Assert.Empty(await AcknowledgeAsync(topic, tokens[2]));
        Assert.Equal([5], Ids(await FetchAsync(topic, max: 10)));
        Clock.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal((1, 2), await AttemptAsync());
        Clock.Advance(Lease - TimeSpan.FromSeconds(5));
        Assert.Equal((4, 2), await AttemptAsync());
        Assert.Equal([tokens[3]], await AcknowledgeAsync(topic, tokens[3]));

        async Task<(long, int)> AttemptAsync()
        {
            var delivery = await FetchOneAsync(topic, TimeSpan.FromHours(1));
            return (delivery.Id, delivery.Attempt);
        }
    }

    [Fact]
    public async Task A_consumer_that_reopens_after_every_item_gets_each_once()
    {
        var topic = await TopicOfAsync(8);
        for (var id = 1; id <= 8; id++)
        {
            var delivery = await FetchOneAsync(topic);
            Assert.Equal((id, 1), (delivery.Id, delivery.Attempt));
            await ReopenAsync();
            Assert.Empty(await AcknowledgeAsync(topic, delivery.Token!.Value));
        }

        Assert.Empty((await FetchAsync(topic)).Deliveries);
    }

    [Fact]
    public async Task What_was_asked_for_before_closing_is_done_or_refused()
    {
        var topic = await TopicAsync();
        var asked = Enumerable.Range(1, 500).Select(key => Store.AppendAsync(topic, [Keyed(key)], Cancellation)).ToArray();
        await ReopenAsync();
        var outcomes = await Task.WhenAll(asked);
        Assert.Equal(Numbers(1, 500), outcomes.Select(outcome => outcome!.Outcomes[0].Id).Order());
        Assert.Equal(500, (await AllItemsAsync(topic)).Count);
    }

    [Fact]
    public async Task A_closed_store_says_that_it_is_closed()
    {
        var topic = await TopicAsync();
        await Store.DisposeAsync();
        await Store.DisposeAsync();
        await AssertStoppedAsync(() => Store.AppendAsync(topic, Many(1), Cancellation));
        await AssertStoppedAsync(() => Store.FetchAsync(topic, Sub, 1, Lease, Cancellation));
        await AssertStoppedAsync(() => Store.ReadItemsAsync(topic, new ItemQuery(), Cancellation));
        await AssertStoppedAsync(() => Store.PurgeStepAsync(Cancellation));
        await AssertStoppedAsync(() => Store.ReportAsync(Cancellation));
    }

    [Fact]
    public async Task A_cancelled_request_that_still_waits_does_nothing()
    {
        var topic = await TopicOfAsync(1);
        var cancelled = new CancellationToken(canceled: true);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Store.AppendAsync(topic, Many(1, first: 2), cancelled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Store.FetchAsync(topic, Sub, 1, TimeSpan.Zero, cancelled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Store.ReadItemsAsync(topic, new ItemQuery(), cancelled));
        Assert.Single(await AllItemsAsync(topic));
        Assert.Equal([1], Ids(await FetchAsync(topic, max: 10)));
    }

    [Fact]
    public async Task A_report_names_the_store_and_its_sizes()
    {
        await TopicOfAsync(10);
        var report = await Store.ReportAsync(Cancellation);
        Assert.NotEmpty(report.Kind);
        Assert.NotEmpty(report.Version);
        Assert.True(report.DatabaseBytes + report.WalBytes > 0);
        Assert.Empty(report.Warnings);
    }

    private static async Task AssertStoppedAsync(Func<Task> ask) =>
        Assert.Equal(StoreProblem.Stopped, (await Assert.ThrowsAsync<StoreException>(ask)).Problem);
}
