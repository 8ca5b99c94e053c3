using Databus.Destinations;
using Databus.Storage;
using Databus.Subscriptions;
using Databus.Testing;
using Databus.Topics;

namespace Databus.Tests.Subscriptions;

public sealed class FetcherTests : IAsyncLifetime
{
    private const string Sub = "reader";
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan OneMinute = TimeSpan.FromMinutes(1);

    private Engine _engine = null!;
    private Topic _topic = null!;

    public async ValueTask InitializeAsync()
    {
        _engine = await Engine.StartAsync();
        _topic = await _engine.TopicAsync();
    }

    public ValueTask DisposeAsync() => _engine.DisposeAsync();

    [Fact(Timeout = Engine.Patience)]
    public async Task Without_a_wait_it_answers_at_once()
    {
        Assert.Empty(await FetchAsync(wait: TimeSpan.Zero));
        await _engine.AppendAsync(_topic, 1);
        Assert.Single(await FetchAsync(wait: TimeSpan.Zero));
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task It_ends_empty_handed_when_the_time_is_over()
    {
        var fetching = await BeginToWaitAsync();
        _engine.Clock.Advance(OneMinute - TimeSpan.FromTicks(1));
        Assert.False(fetching.IsCompleted);
        _engine.Clock.Advance(TimeSpan.FromTicks(1));
        Assert.Empty(await fetching);
        Assert.Equal(0, _engine.Clock.ActiveTimers);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task An_append_wakes_it()
    {
        var fetching = await BeginToWaitAsync();
        await _engine.AppendAsync(_topic, 1);
        Assert.Equal(1, Assert.Single(await fetching).Id);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task An_append_between_the_look_and_the_wait_is_seen()
    {
        var held = new TaskCompletionSource();
        _engine.Probe.Hold(nameof(IStore.FetchAsync), held.Task);
        var fetching = FetchAsync();
        _engine.Probe.LetGo(nameof(IStore.FetchAsync));
        await _engine.AppendAsync(_topic, 1);
        held.SetResult();
        Assert.Equal(1, Assert.Single(await fetching).Id);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task An_append_to_another_topic_does_not()
    {
        var fetching = await BeginToWaitAsync();
        var asked = Fetches;
        await _engine.AppendAsync(await _engine.TopicAsync("numbers"), 1);
        _engine.Clock.Advance(OneMinute);
        Assert.Empty(await fetching);
        Assert.Equal(asked, Fetches);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task The_end_of_a_lease_wakes_it()
    {
        await _engine.AppendAsync(_topic, 1);
        await FetchAsync();
        var fetching = FetchAsync();
        await _engine.Clock.WhenTimerInAsync(Lease);
        _engine.Clock.Advance(Lease);
        Assert.Equal(2, Assert.Single(await fetching).Attempt);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task The_end_of_a_delay_wakes_it()
    {
        await _engine.AppendAsync(_topic, 1);
        var token = Assert.Single(await FetchAsync()).Token!.Value;
        var fetching = FetchAsync();
        await _engine.Clock.WhenTimerInAsync(Lease);
        await _engine.Fetcher.NegativeAcknowledgeAsync(_topic, Sub, [new NegativeAcknowledgement(token, TimeSpan.FromSeconds(5), "later")], CancellationToken.None);
        await _engine.Clock.WhenTimerInAsync(TimeSpan.FromSeconds(5));
        Assert.False(fetching.IsCompleted);
        _engine.Clock.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(2, Assert.Single(await fetching).Attempt);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task A_lease_that_was_extended_meanwhile_is_waited_for_again()
    {
        await _engine.AppendAsync(_topic, 1);
        var token = Assert.Single(await FetchAsync()).Token!.Value;
        var fetching = FetchAsync();
        await _engine.Clock.WhenTimerInAsync(Lease);
        await _engine.Store.ExtendAsync(_topic, Sub, [token], TimeSpan.FromSeconds(45), CancellationToken.None);
        _engine.Clock.Advance(Lease);
        await _engine.Clock.WhenTimerInAsync(TimeSpan.FromSeconds(15));
        Assert.False(fetching.IsCompleted);
        _engine.Clock.Advance(TimeSpan.FromSeconds(15));
        Assert.Equal(2, Assert.Single(await fetching).Attempt);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task A_lease_that_was_shortened_wakes_it_at_its_new_end()
    {
        await _engine.AppendAsync(_topic, 1);
        var token = Assert.Single(await FetchAsync(wait: TimeSpan.Zero)).Token!.Value;
        var fetching = await BeginToWaitAsync();
        Assert.Empty(await _engine.Fetcher.ExtendAsync(_topic, Sub, [token], TimeSpan.FromSeconds(5), CancellationToken.None));
        _engine.Clock.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(2, Assert.Single(await fetching).Attempt);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task An_acknowledgement_wakes_it_when_it_waited_for_room()
    {
        await _engine.Store.PutSubscriptionAsync(_topic, Sub, new SubscriptionSettings { MaxInFlight = 1 }, SubscriptionStart.Beginning, CancellationToken.None);
        await _engine.AppendAsync(_topic, 1);
        await _engine.AppendAsync(_topic, 2);
        var token = Assert.Single(await FetchAsync(wait: TimeSpan.Zero)).Token!.Value;
        var fetching = await BeginToWaitAsync();
        Assert.Empty(await _engine.Fetcher.AcknowledgeAsync(_topic, Sub, [token], CancellationToken.None));
        Assert.Equal(2, Assert.Single(await fetching).Id);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task A_replay_wakes_it()
    {
        await _engine.AppendAsync(_topic, 1);
        await _engine.Store.PutSubscriptionAsync(_topic, Sub, new SubscriptionSettings { MaxAttempts = 1 }, default, CancellationToken.None);
        var token = Assert.Single(await FetchAsync()).Token!.Value;
        await _engine.Fetcher.NegativeAcknowledgeAsync(_topic, Sub, [new NegativeAcknowledgement(token, TimeSpan.Zero, "broken")], CancellationToken.None);
        var fetching = await BeginToWaitAsync();
        Assert.Equal(1, await _engine.Fetcher.ReplayDeadAsync(_topic, Sub, ids: null, CancellationToken.None));
        Assert.Equal(1, Assert.Single(await fetching).Id);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task A_rewind_wakes_it()
    {
        await _engine.AppendAsync(_topic, 1);
        await FetchAsync(lease: TimeSpan.Zero);
        var fetching = await BeginToWaitAsync();
        await _engine.Fetcher.RewindAsync(_topic, Sub, RewindTarget.Beginning, CancellationToken.None);
        Assert.Equal(1, Assert.Single(await fetching).Id);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task One_item_wakes_one_who_waits()
    {
        // With leases longer than the wait: the end of one would wake the next.
        var fetching = await BeginToWaitAsync(20, lease: TimeSpan.FromHours(1));
        Assert.Equal(20, Fetches);
        await _engine.AppendAsync(_topic, 1);
        var first = await Task.WhenAny(fetching);
        Assert.Single(await first);

        _engine.Clock.Advance(OneMinute);
        Assert.Equal(1, (await Task.WhenAll(fetching)).Sum(deliveries => deliveries.Count));
        Assert.Equal(21, Fetches);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task Many_items_of_one_append_wake_as_many_as_there_is_work_for()
    {
        var fetching = await BeginToWaitAsync(20);
        await _engine.AppendAsync(_topic, [.. Enumerable.Range(1, 20)]);
        var deliveries = await Task.WhenAll(fetching);
        Assert.Equal(Enumerable.Range(1, 20).Select(id => (long)id), deliveries.Select(Assert.Single).Select(delivery => delivery.Id).Order());
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task Of_two_subscriptions_each_wakes()
    {
        var one = await BeginToWaitAsync();
        var other = FetchAsync(subscription: "other");
        await _engine.Clock.WhenTimersAsync(2);
        await _engine.AppendAsync(_topic, 1);
        Assert.Single(await one);
        Assert.Single(await other);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task One_who_is_cancelled_while_fetching_passes_its_wake_up_on()
    {
        using var cancellation = new CancellationTokenSource();
        var first = FetchAsync(cancellationToken: cancellation.Token);
        await _engine.Clock.WhenTimersAsync(1);
        var second = FetchAsync();
        await _engine.Clock.WhenTimersAsync(2);

        // Woken, the first is on its way to the store when its client goes.
        var asked = Fetches;
        _engine.Probe.Asking = method =>
        {
            if (method == nameof(IStore.FetchAsync) && Fetches == asked + 1)
                cancellation.Cancel();
        };
        await _engine.AppendAsync(_topic, 1);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        Assert.Equal(1, Assert.Single(await second).Id);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task One_who_is_cancelled_while_waiting_leaves_nothing_behind()
    {
        using var cancellation = new CancellationTokenSource();
        var fetching = FetchAsync(cancellationToken: cancellation.Token);
        await _engine.Clock.WhenTimersAsync(1);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => fetching);
        await _engine.AppendAsync(_topic, 1);
        Assert.Single(await FetchAsync());
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task Another_process_wakes_one_of_those_who_wait_for_this_subscription()
    {
        var fetching = await BeginToWaitAsync(2);
        var asked = Fetches;
        _engine.Signals.Woken(_topic, "other");
        _engine.Signals.Woken(await _engine.TopicAsync("numbers"), Sub);
        _engine.Signals.Woken(_topic, Sub);
        while (Fetches == asked)
            await Task.Delay(1, TestContext.Current.CancellationToken);
        await _engine.Clock.WhenTimersAsync(2);
        Assert.Equal(asked + 1, Fetches);
        _engine.Clock.Advance(OneMinute);
        Assert.All(await Task.WhenAll(fetching), Assert.Empty);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task The_end_of_a_lease_is_waited_for_by_the_clock_of_the_store()
    {
        var ahead = new FakeClock();
        ahead.Advance(TimeSpan.FromHours(1));
        var fetcher = new Fetcher(_engine.Store, _engine.Signals, ahead);
        await _engine.AppendAsync(_topic, 1);
        await _engine.Store.FetchAsync(_topic, Sub, max: 1, Lease, CancellationToken.None);
        var fetching = fetcher.FetchAsync(_topic, Sub, max: 1, Lease, OneMinute, CancellationToken.None);
        await ahead.WhenTimerInAsync(Lease);
        _engine.Clock.Advance(Lease);
        ahead.Advance(Lease);
        Assert.Single((await fetching)!);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task Who_waits_when_the_subscription_begins_to_push_is_told_and_passes_the_wake_up_on()
    {
        var pulling = _engine.Fetcher.FetchAsync(_topic, Sub, max: 1, Lease, OneMinute, CancellationToken.None);
        await _engine.Clock.WhenTimersAsync(1);
        var here = new DestinationSettings("box", "{}");
        await _engine.Store.PutSubscriptionAsync(_topic, Sub, new SubscriptionSettings { Destination = here }, SubscriptionStart.Beginning, CancellationToken.None);
        var pushing = _engine.Fetcher.FetchToPushAsync(new PushSubscription(_topic, Sub, here), 1, OneMinute, CancellationToken.None, CancellationToken.None);
        await _engine.Clock.WhenTimersAsync(2);
        await _engine.AppendAsync(_topic, 1);
        Assert.Null(await pulling);
        Assert.Single((await pushing).Deliveries);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task A_wait_to_push_that_is_cancelled_loses_nothing_that_the_store_is_about_to_answer()
    {
        var here = new DestinationSettings("box", "{}");
        await _engine.Store.PutSubscriptionAsync(_topic, Sub, new SubscriptionSettings { Destination = here }, SubscriptionStart.Beginning, CancellationToken.None);
        await _engine.AppendAsync(_topic, 1);
        var held = new TaskCompletionSource();
        _engine.Probe.Hold(nameof(IStore.FetchToPushAsync), held.Task);
        using var waiting = new CancellationTokenSource();
        var pushing = _engine.Fetcher.FetchToPushAsync(new PushSubscription(_topic, Sub, here), 1, OneMinute, asking: CancellationToken.None, waiting.Token);
        await waiting.CancelAsync();
        held.SetResult();
        Assert.Single((await pushing).Deliveries);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task The_deletion_of_the_topic_ends_all_waits()
    {
        var fetching = await BeginToWaitAsync(20);
        await _engine.Store.DeleteTopicAsync("letters", CancellationToken.None);
        Assert.All(await Task.WhenAll(fetching), Assert.Empty);
    }

    private int Fetches => _engine.Probe.Asked(nameof(IStore.FetchAsync));

    private async Task<IReadOnlyList<Delivery>> FetchAsync(
        TimeSpan? wait = null, TimeSpan? lease = null, string subscription = Sub, CancellationToken cancellationToken = default) =>
        await _engine.Fetcher.FetchAsync(_topic, subscription, max: 1, lease, wait ?? OneMinute, cancellationToken) ?? throw new InvalidOperationException("It pushes.");

    private async Task<Task<IReadOnlyList<Delivery>>> BeginToWaitAsync() => Assert.Single(await BeginToWaitAsync(1));

    /// <summary>Fetches that have found nothing and wait now.</summary>
    private async Task<Task<IReadOnlyList<Delivery>>[]> BeginToWaitAsync(int count, TimeSpan? lease = null)
    {
        var fetching = Enumerable.Range(0, count).Select(_ => FetchAsync(lease: lease)).ToArray();
        await _engine.Clock.WhenTimersAsync(count);
        return fetching;
    }
}
