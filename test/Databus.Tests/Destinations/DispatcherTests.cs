using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Databus.Destinations;
using Databus.Storage;
using Databus.Subscriptions;
using Databus.Topics;

namespace Databus.Tests.Destinations;

public sealed class DispatcherTests : IAsyncLifetime
{
    private const string Sub = "alerts";
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    /// <summary>So small that no lease ends while a batch is on its way through the store.</summary>
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(100);

    private static readonly SendOutcome Down = new(SendResult.Unavailable, "The other side is down.");
    private static readonly SendOutcome Refused = new(SendResult.Failed, "Nobody takes this.");

    private readonly CollectedLog _log = new();
    private Engine _engine = null!;
    private Topic _topic = null!;
    private ScriptedDestinations _kind = null!;
    private Dispatcher? _dispatcher;

    public async ValueTask InitializeAsync()
    {
        _engine = await Engine.StartAsync();
        _topic = await _engine.TopicAsync();
        _kind = new ScriptedDestinations(_engine.Clock);
    }

    public async ValueTask DisposeAsync()
    {
        if (_dispatcher is not null)
        {
            var stopping = _dispatcher.StopAsync(CancellationToken.None);
            while (!stopping.IsCompleted)
            {
                _engine.Clock.Advance(Second);
                await Task.Delay(1);
            }

            _dispatcher.Dispose();
        }

        await _engine.DisposeAsync();
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task What_is_there_and_what_comes_is_sent_and_acknowledged()
    {
        await _engine.AppendAsync(_topic, 1, 2, 3);
        await StartAsync();
        var first = await _kind.NextAsync();
        Assert.Equal([1L, 2, 3], first.Ids);
        Assert.All(first.Deliveries, delivery => Assert.Equal(1, delivery.Attempt));

        await _engine.AppendAsync(_topic, 4);
        Assert.Equal([4L], (await _kind.NextAsync()).Ids);
        await SettledAsync(status => (status.Lag, status.InFlight, status.Waiting, status.Dead) == (0, 0, 0, 0));
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task Idle_it_waits_and_asks_the_store_for_nothing_but_the_list()
    {
        await StartAsync();
        await UntilAsync(() => Asked(nameof(IStore.FetchToPushAsync)) == 1);
        var looks = Asked(nameof(IStore.ListPushSubscriptionsAsync));
        for (var look = 1; look <= 8; look++)
        {
            await UntilAsync(() => Asked(nameof(IStore.ListPushSubscriptionsAsync)) == looks);
            await _engine.Clock.WhenTimerInAsync(BetweenLooks);
            _engine.Clock.Advance(BetweenLooks);
            looks++;
        }

        Assert.Equal(1, Asked(nameof(IStore.FetchToPushAsync)));
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task Four_batches_are_under_way_at_once_and_no_more()
    {
        var held = new TaskCompletionSource();
        _kind.Answer = sending => sending.AfterAsync(held.Task);
        await _engine.AppendAsync(_topic, [.. Enumerable.Range(1, 3000)]);
        await StartAsync();
        var sizes = new List<int>();
        for (var batch = 0; batch < 4; batch++)
            sizes.Add((await _kind.NextAsync()).Deliveries.Count);
        Assert.Equal([500, 500, 500, 500], sizes);
        Assert.Equal(4, _kind.UnderWay.Count);
        Assert.Equal(4, Asked(nameof(IStore.FetchToPushAsync)));

        held.SetResult();
        await SettledAsync(status => status is { Lag: 0, InFlight: 0, Waiting: 0, Dead: 0 });
        Assert.Equal(500, (await _kind.NextAsync()).Deliveries.Count);
        Assert.Equal(500, (await _kind.NextAsync()).Deliveries.Count);
        Assert.True(_kind.IsQuiet);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task While_a_send_takes_long_what_comes_is_sent_by_another()
    {
        var held = new TaskCompletionSource();
        _kind.Answer = sending => sending.Ids.Contains(1) ? sending.AfterAsync(held.Task) : sending.AllAsync(SendOutcome.Sent);
        await _engine.AppendAsync(_topic, 1);
        await StartAsync();
        Assert.Equal([1L], (await _kind.NextAsync()).Ids);
        await _engine.AppendAsync(_topic, 2);
        Assert.Equal([2L], (await _kind.NextAsync()).Ids);
        await SettledAsync(status => status is { InFlight: 1 });
        held.SetResult();
        await SettledAsync(status => status is { InFlight: 0 });
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task What_failed_comes_later_each_time()
    {
        _kind.Answer = sending => sending.AllAsync(Refused);
        await _engine.AppendAsync(_topic, 1);
        await StartAsync();
        var before = await _kind.NextAsync();
        foreach (var wait in (int[])[1, 2, 4, 8, 16])
        {
            await SettledAsync(status => status is { InFlight: 0, Waiting: 1 });
            var again = await NextInTimeAsync(wait * Step);
            Assert.Equal(before.Deliveries[0].Attempt + 1, Assert.Single(again.Deliveries).Attempt);
            Assert.InRange(again.At - before.At, wait * 0.8 * Second, TimeSpan.MaxValue);
            before = again;
        }
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task What_failed_waits_for_as_long_as_the_other_side_asks()
    {
        var asked = TimeSpan.FromMinutes(3);
        _kind.Answer = sending => sending.AllAsync(Refused with { RetryAfter = asked });
        await _engine.AppendAsync(_topic, 1);
        await StartAsync();
        var before = await _kind.NextAsync();
        await SettledAsync(status => status is { InFlight: 0, Waiting: 1 });
        var again = await NextInTimeAsync(asked / 50);
        Assert.Equal(2, Assert.Single(again.Deliveries).Attempt);
        Assert.InRange(again.At - before.At, asked, TimeSpan.MaxValue);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task A_whole_batch_that_fails_for_its_own_sake_uses_attempts_and_leaves_the_circuit_closed()
    {
        using var counts = new Counts(_engine.Meter);
        _kind.Answer = sending => sending.EachAsync(delivery => delivery.Id == 3 ? SendOutcome.Sent : Refused);
        await _engine.AppendAsync(_topic, 1, 2);
        await StartAsync(new SubscriptionSettings { MaxAttempts = 2 });
        await _kind.NextAsync();
        await SettledAsync(status => status is { InFlight: 0, Waiting: 2 });
        Assert.Empty(_dispatcher!.Warnings);

        await _engine.AppendAsync(_topic, 3);
        Assert.Equal([3L], (await _kind.NextAsync()).Ids);
        await NextInTimeAsync();
        await SettledInTimeAsync(status => status is { InFlight: 0, Waiting: 0, Dead: 2 });
        Assert.All(await DeadAsync(), dead => Assert.Equal((2, Refused.Reason), (dead.Attempts, dead.Reason)));
        Assert.Empty(_dispatcher.Warnings);
        await UntilAsync(() => counts.Of("databus.deliveries.parked") == 2);
        Assert.Equal((1, 4), (counts.Of("databus.deliveries.sent"), counts.Of("databus.deliveries.failed")));
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task What_is_hopeless_is_a_dead_letter_at_once()
    {
        using var counts = new Counts(_engine.Meter);
        _kind.Answer = sending => sending.EachAsync(delivery => delivery.Id == 2 ? new SendOutcome(SendResult.Hopeless, "Too large.") : SendOutcome.Sent);
        await _engine.AppendAsync(_topic, 1, 2, 3);
        await StartAsync();
        await SettledAsync(status => status is { Lag: 0, InFlight: 0, Waiting: 0, Dead: 1 });
        var dead = Assert.Single(await DeadAsync());
        Assert.Equal((2, 1, "Too large."), (dead.Id, dead.Attempts, dead.Reason));
        Assert.Empty(_dispatcher!.Warnings);
        await UntilAsync(() => counts.Of("databus.deliveries.parked") == 1);
        Assert.Equal((2, 1), (counts.Of("databus.deliveries.sent"), counts.Of("databus.deliveries.failed")));
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task A_destination_that_is_not_there_is_left_alone_for_a_while_and_costs_no_attempts()
    {
        _kind.Answer = sending => sending.AllAsync(Down);
        await _engine.AppendAsync(_topic, [.. Enumerable.Range(1, 40)]);
        await StartAsync();
        var before = await _kind.NextAsync();
        Assert.Equal(40, before.Deliveries.Count);
        var since = before.At;
        foreach (var wait in (int[])[1, 2, 4, 8, 16, 32, 60, 60])
        {
            await SettledAsync(status => status is { InFlight: 0, Waiting: 40 });
            var fetches = Asked(nameof(IStore.FetchToPushAsync));
            var warning = Assert.Single(_dispatcher!.Warnings);
            Assert.Equal("destination-unavailable", warning.Code);
            Assert.Contains("letters/alerts", warning.Message, StringComparison.Ordinal);
            Assert.Contains(Down.Reason!, warning.Message, StringComparison.Ordinal);
            Assert.Contains($"{since:yyyy-MM-ddTHH:mm:ssZ}", warning.Message, StringComparison.Ordinal);
            var trial = await NextInTimeAsync(wait * Step);
            Assert.Equal(10, trial.Deliveries.Count);
            Assert.All(trial.Deliveries, delivery => Assert.Equal(1, delivery.Attempt));
            Assert.InRange(trial.At - before.At, wait * 0.8 * Second, TimeSpan.MaxValue);

            // The trial; more than one look where what was given back was not due yet.
            Assert.InRange(Asked(nameof(IStore.FetchToPushAsync)) - fetches, 1, 3);
            before = trial;
        }

        await SettledAsync(status => status is { InFlight: 0, Waiting: 40 });
        _kind.Answer = sending => sending.AllAsync(SendOutcome.Sent);
        Assert.Equal(10, (await NextInTimeAsync()).Deliveries.Count);
        Assert.Equal(30, (await _kind.NextAsync()).Deliveries.Count);
        await SettledAsync(status => status is { InFlight: 0, Waiting: 0, Dead: 0 });
        Assert.Empty(_dispatcher!.Warnings);
        Assert.Equal([40, 41], _log.Entries.Select(entry => entry.Event));
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task A_destination_that_asks_for_patience_gets_it()
    {
        var asked = TimeSpan.FromMinutes(3);
        _kind.Answer = sending => sending.AllAsync(Down with { RetryAfter = asked });
        await _engine.AppendAsync(_topic, 1);
        await StartAsync();
        var before = await _kind.NextAsync();
        await SettledAsync(status => status is { InFlight: 0, Waiting: 1 });
        Assert.InRange((await NextInTimeAsync(asked / 50)).At - before.At, asked, TimeSpan.MaxValue);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task Each_of_a_mixed_batch_has_its_own_fate()
    {
        var answers = new[] { SendOutcome.Sent, Refused, new SendOutcome(SendResult.Hopeless, "Never."), Down };
        _kind.Answer = sending => sending.EachAsync(delivery => answers[delivery.Id - 1]);
        await _engine.AppendAsync(_topic, 1, 2, 3, 4);
        await StartAsync();
        await _kind.NextAsync();
        await SettledAsync(status => status is { InFlight: 0, Waiting: 2, Dead: 1 });
        Assert.Equal("destination-unavailable", Assert.Single(_dispatcher!.Warnings).Code);

        _kind.Answer = sending => sending.AllAsync(SendOutcome.Sent);
        var deliveries = (await NextInTimeAsync()).Deliveries.ToList();
        await SettledInTimeAsync(status => status is { InFlight: 0, Waiting: 0, Dead: 1 });
        while (!_kind.IsQuiet)
            deliveries.AddRange((await _kind.NextAsync()).Deliveries);
        Assert.Equal([(2, 2), (4, 1)], deliveries.Select(delivery => (delivery.Id, delivery.Attempt)).Order());
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task What_is_fetched_while_the_circuit_opens_goes_back_unsent()
    {
        var held = new TaskCompletionSource();
        _kind.Answer = async sending =>
        {
            await held.Task;
            return await sending.AllAsync(Down);
        };
        await _engine.AppendAsync(_topic, 1);
        await StartAsync();
        await _kind.NextAsync();

        // The store is about to answer the next fetch when the first send finds the destination gone.
        var answer = new TaskCompletionSource();
        await UntilAsync(() => Asked(nameof(IStore.FetchToPushAsync)) == 2);
        _engine.Probe.Hold(nameof(IStore.FetchToPushAsync), answer.Task);
        await _engine.AppendAsync(_topic, 2);
        await SettledAsync(status => status is { Lag: 0, InFlight: 2 });
        _engine.Probe.LetGo(nameof(IStore.FetchToPushAsync));
        held.SetResult();
        await SettledAsync(status => status is { Lag: 0, InFlight: 1, Waiting: 1 });
        answer.SetResult();
        await SettledAsync(status => status is { Lag: 0, InFlight: 0, Waiting: 2 });
        Assert.True(_kind.IsQuiet);

        _kind.Answer = sending => sending.AllAsync(SendOutcome.Sent);
        await SettledInTimeAsync(status => status is { InFlight: 0, Waiting: 0 });
        while (!_kind.IsQuiet)
            Assert.All((await _kind.NextAsync()).Deliveries, delivery => Assert.Equal(1, delivery.Attempt));
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task One_that_throws_is_not_there_and_is_logged_once()
    {
        _kind.Answer = _ => throw new InvalidOperationException("A bug.");
        await _engine.AppendAsync(_topic, 1);
        await StartAsync();
        for (var trial = 0; trial < 3; trial++)
        {
            Assert.Equal(1, Assert.Single((await NextInTimeAsync()).Deliveries).Attempt);
            await SettledAsync(status => status is { InFlight: 0, Waiting: 1 });
            Assert.Contains("A bug.", Assert.Single(_dispatcher!.Warnings).Message, StringComparison.Ordinal);
        }

        Assert.IsType<InvalidOperationException>(Assert.Single(_log.Entries).Error);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task One_that_forgets_an_outcome_is_not_there()
    {
        _kind.Answer = sending => Task.FromResult<IReadOnlyList<SendOutcome>>([SendOutcome.Sent]);
        await _engine.AppendAsync(_topic, 1, 2);
        await StartAsync();
        await _kind.NextAsync();
        await SettledAsync(status => status is { InFlight: 0, Waiting: 2 });
        Assert.Single(_dispatcher!.Warnings);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task A_send_is_cancelled_well_before_its_lease_ends_and_what_arrived_is_acknowledged()
    {
        _kind.Answer = async sending =>
        {
            await sending.HangAsync();
            return await sending.EachAsync(delivery => delivery.Id == 1 ? SendOutcome.Sent : Down);
        };
        await _engine.AppendAsync(_topic, 1, 2);
        await StartAsync();
        var sending = await _kind.NextAsync();
        await AdvanceAsync((Lease * 0.8) - TimeSpan.FromMilliseconds(1));
        Assert.False(sending.Cancellation.IsCancellationRequested);
        await AdvanceAsync(TimeSpan.FromMilliseconds(1));
        Assert.True(sending.Cancellation.IsCancellationRequested);
        await SettledAsync(status => status is { InFlight: 0, Waiting: 1 });
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task The_lease_is_the_subscriptions_own()
    {
        _kind.Answer = sending => sending.HangAsync();
        await _engine.AppendAsync(_topic, 1);
        await StartAsync(new SubscriptionSettings { Lease = TimeSpan.FromMinutes(10) });
        var sending = await _kind.NextAsync();
        await AdvanceAsync(TimeSpan.FromMinutes(8) - TimeSpan.FromMilliseconds(1));
        Assert.False(sending.Cancellation.IsCancellationRequested);
        Assert.Equal(1, (await StatusAsync()).InFlight);
        await AdvanceAsync(TimeSpan.FromMilliseconds(1));
        Assert.True(sending.Cancellation.IsCancellationRequested);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task One_that_does_not_heed_its_cancellation_is_not_waited_for()
    {
        var never = new TaskCompletionSource();
        _kind.Answer = sending => sending.AfterAsync(never.Task);
        await _engine.AppendAsync(_topic, 1);
        await StartAsync();
        await _kind.NextAsync();
        await AdvanceAsync(Lease * 0.9);
        await SettledAsync(status => status is { InFlight: 0, Waiting: 1 });
        Assert.Contains("24 s", Assert.Single(_dispatcher!.Warnings).Message, StringComparison.Ordinal);
        never.SetResult();
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task A_kind_nobody_knows_is_left_alone_and_told()
    {
        await _engine.AppendAsync(_topic, 1);
        await StartAsync(new SubscriptionSettings { Destination = new DestinationSettings("carrier-pigeon", "{}") });
        await UntilAsync(() => _dispatcher!.Warnings.Count == 1);
        var warning = Assert.Single(_dispatcher!.Warnings);
        Assert.Equal("destination-unknown", warning.Code);
        Assert.Contains("letters/alerts", warning.Message, StringComparison.Ordinal);
        Assert.Contains("carrier-pigeon", warning.Message, StringComparison.Ordinal);
        Assert.Equal(0, Asked(nameof(IStore.FetchToPushAsync)));

        await PutAsync(new SubscriptionSettings { Destination = To("new") });
        await _kind.NextAsync();
        Assert.Empty(_dispatcher.Warnings);
        Assert.Equal([51], _log.Entries.Select(entry => entry.Event));
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task A_change_by_somebody_else_is_seen_with_the_next_look()
    {
        await StartAsync(new SubscriptionSettings());
        await UntilAsync(() => Asked(nameof(IStore.ListPushSubscriptionsAsync)) == 1);
        await _engine.AppendAsync(_topic, 1);
        await _engine.Clock.WhenTimerInAsync(BetweenLooks);
        await _engine.Store.PutSubscriptionAsync(
            _topic, Sub, new SubscriptionSettings { Destination = To("here") }, SubscriptionStart.Beginning, CancellationToken.None);
        await AdvanceAsync(BetweenLooks);
        Assert.Equal("here", (await _kind.NextAsync()).Configuration);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task When_the_destination_changes_the_old_one_ends_in_order_before_the_new_one_opens()
    {
        var held = new TaskCompletionSource();
        _kind.Answer = sending => sending.Configuration == "here" ? sending.AfterAsync(held.Task) : sending.AllAsync(SendOutcome.Sent);
        await _engine.AppendAsync(_topic, 1);
        await StartAsync();
        await _kind.NextAsync();
        await PutAsync(new SubscriptionSettings { Destination = To("there") });
        await _engine.AppendAsync(_topic, 2);
        Assert.Equal(["+here"], _kind.Openings);

        held.SetResult();
        var sending = await _kind.NextAsync();
        Assert.Equal(("there", 2), (sending.Configuration, Assert.Single(sending.Deliveries).Id));
        Assert.Equal(["+here", "-here", "+there"], _kind.Openings);
        await SettledAsync(status => status is { Lag: 0, InFlight: 0, Waiting: 0 });
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task Paused_it_sends_nothing_and_then_goes_on()
    {
        await _engine.AppendAsync(_topic, 1);
        await StartAsync();
        await _kind.NextAsync();
        await PutAsync(new SubscriptionSettings { Paused = true });
        await UntilAsync(() => _kind.Openings.Contains("-here"));
        await _engine.AppendAsync(_topic, 2);
        await AdvanceAsync(BetweenLooks);
        Assert.Equal(1, (await StatusAsync()).Lag);
        Assert.True(_kind.IsQuiet);

        await PutAsync(new SubscriptionSettings { Paused = false });
        Assert.Equal([2L], (await _kind.NextAsync()).Ids);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task A_deleted_subscription_is_not_brought_back_by_a_wait_that_goes_on()
    {
        await StartAsync();
        await UntilAsync(() => Asked(nameof(IStore.FetchToPushAsync)) == 1);
        await _engine.Store.DeleteSubscriptionAsync(_topic, Sub, CancellationToken.None);
        await _engine.AppendAsync(_topic, 1);
        await UntilAsync(() => Asked(nameof(IStore.FetchToPushAsync)) == 2);
        _dispatcher!.Changed();
        await UntilAsync(() => _engine.Clock.ActiveTimers == 1);
        Assert.Empty(await _engine.Store.ListSubscriptionsAsync(_topic, Sub, CancellationToken.None));
        Assert.True(_kind.IsQuiet);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task One_destination_that_is_not_there_holds_up_no_other()
    {
        _kind.Answer = sending => sending.AllAsync(sending.Configuration == "here" ? Down : SendOutcome.Sent);
        await _engine.AppendAsync(_topic, 1);
        await StartAsync();
        await UntilAsync(() => _dispatcher!.Warnings.Count == 1);
        await PutAsync(new SubscriptionSettings { Destination = To("there") }, "other");
        await UntilAsync(async () => await StatusAsync("other") is { Lag: 0, InFlight: 0 });
        Assert.Single(_dispatcher!.Warnings);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task Stopped_it_lets_sends_under_way_end()
    {
        var held = new TaskCompletionSource();
        _kind.Answer = sending => sending.AfterAsync(held.Task);
        await _engine.AppendAsync(_topic, 1);
        await StartAsync();
        var sending = await _kind.NextAsync();
        var stopping = _dispatcher!.StopAsync(CancellationToken.None);
        await _engine.AppendAsync(_topic, 2);
        await AdvanceAsync(Pusher.DrainTime - TimeSpan.FromMilliseconds(1));
        Assert.False(sending.Cancellation.IsCancellationRequested);
        held.SetResult();
        await stopping;
        Assert.True(await StatusAsync() is { Position: 1, Lag: 1, InFlight: 0, Waiting: 0 });
        Assert.Equal(["+here", "-here"], _kind.Openings);
    }

    [Theory(Timeout = Engine.Patience)]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Stopped_it_gives_back_at_once_what_was_not_sent(bool heedsCancellation)
    {
        var never = new TaskCompletionSource();
        _kind.Answer = sending => heedsCancellation ? sending.HangAsync() : sending.AfterAsync(never.Task);
        await _engine.AppendAsync(_topic, 1, 2);
        await StartAsync();
        var sending = await _kind.NextAsync();
        await _dispatcher!.StoppingAsync(CancellationToken.None);
        await UntilAsync(() => Timers(Pusher.DrainTime));
        _engine.Clock.Advance(Pusher.DrainTime);
        await UntilAsync(() => sending.Cancellation.IsCancellationRequested);
        if (!heedsCancellation)
            _engine.Clock.Advance(Second);
        await _dispatcher.StopAsync(CancellationToken.None);

        var fetched = await _engine.Store.FetchToPushAsync(Push(), 10, CancellationToken.None);
        Assert.Equal([(1, 1), (2, 1)], fetched.Deliveries.Select(delivery => (delivery.Id, delivery.Attempt)));
        never.SetResult();
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task Stopped_in_the_middle_of_a_fetch_it_gives_back_what_the_fetch_brought()
    {
        var held = new TaskCompletionSource();
        _engine.Probe.Hold(nameof(IStore.FetchToPushAsync), held.Task);
        await _engine.AppendAsync(_topic, 1);
        await StartAsync();
        await UntilAsync(async () => await StatusAsync() is { InFlight: 1 });
        var stopping = _dispatcher!.StopAsync(CancellationToken.None);
        await UntilAsync(() => Timers(Pusher.DrainTime));
        Assert.False(_engine.Probe.CancellationOf(nameof(IStore.FetchToPushAsync)).IsCancellationRequested);
        _engine.Probe.LetGo(nameof(IStore.FetchToPushAsync));
        held.SetResult();
        await stopping;
        Assert.True(_kind.IsQuiet);
        Assert.Equal(1, Assert.Single((await _engine.Store.FetchToPushAsync(Push(), 10, CancellationToken.None)).Deliveries).Attempt);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task A_store_that_does_not_answer_a_fetch_is_asked_again_later_each_time()
    {
        await _engine.AppendAsync(_topic, 1);
        for (var failure = 0; failure < 3; failure++)
            _engine.Probe.FailNext(nameof(IStore.FetchToPushAsync), new StoreException(StoreProblem.Unavailable, "gone"));
        await StartAsync();
        await UntilAsync(() => Asked(nameof(IStore.FetchToPushAsync)) == 1);
        var before = _engine.Clock.GetUtcNow();
        var sending = await NextInTimeAsync(TimeSpan.FromMilliseconds(10));
        Assert.InRange(sending.At - before, TimeSpan.FromMilliseconds((200 + 400 + 800) * 0.8), TimeSpan.MaxValue);
        await SettledAsync(status => status is { Lag: 0, InFlight: 0 });
        Assert.Equal([42], _log.Entries.Select(entry => entry.Event));
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task An_acknowledgement_the_store_did_not_take_is_made_again_and_nothing_is_sent_twice()
    {
        await _engine.AppendAsync(_topic, 1);
        for (var failure = 0; failure < 3; failure++)
            _engine.Probe.FailNext(nameof(IStore.AcknowledgeAsync), new StoreException(StoreProblem.Unavailable, "gone"));
        await StartAsync();
        await _kind.NextAsync();
        await SettledInTimeAsync(status => status is { Lag: 0, InFlight: 0, Waiting: 0 });
        Assert.Equal(4, Asked(nameof(IStore.AcknowledgeAsync)));
        await AdvanceAsync(Lease);
        Assert.True(_kind.IsQuiet);
        Assert.Empty(_log.Entries);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task What_could_not_be_acknowledged_before_its_lease_ended_comes_again()
    {
        await _engine.AppendAsync(_topic, 1);
        _engine.Probe.FailNext(nameof(IStore.AcknowledgeAsync), new StoreException(StoreProblem.Unavailable, "gone"));
        _kind.Answer = sending =>
        {
            // The send ends when the lease is nearly over; there is no time for a second acknowledgement.
            _engine.Clock.Advance(sending.Deliveries[0].Attempt == 1 ? Lease : TimeSpan.Zero);
            return sending.AllAsync(SendOutcome.Sent);
        };
        await StartAsync();
        await _kind.NextAsync();
        Assert.Equal(2, Assert.Single((await NextInTimeAsync()).Deliveries).Attempt);
        await SettledAsync(status => status is { Lag: 0, InFlight: 0, Waiting: 0 });
        await UntilAsync(() => _log.Entries.Any(entry => entry.Event == 43));
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task A_list_that_cannot_be_read_stops_nothing()
    {
        await StartAsync();
        await UntilAsync(() => Asked(nameof(IStore.FetchToPushAsync)) == 1);
        _engine.Probe.FailNext(nameof(IStore.ListPushSubscriptionsAsync), new StoreException(StoreProblem.Busy, "busy"));
        _dispatcher!.Changed();
        await UntilAsync(() => _log.Entries.Any(entry => entry.Event == 50));
        await _engine.AppendAsync(_topic, 1);
        await _kind.NextAsync();
        Assert.Equal(["+here"], _kind.Openings);
    }

    private static DestinationSettings To(string configuration) => new("scripted", configuration);

    private int Asked(string method) => _engine.Probe.Asked(method);

    private bool Timers(TimeSpan time) => _engine.Clock.WhenTimerInAsync(time).IsCompleted;

    private PushSubscription Push() => new(_topic, Sub, To("here"));

    private async Task StartAsync(SubscriptionSettings? settings = null)
    {
        settings ??= new SubscriptionSettings { Destination = To("here") };
        if (settings is { Destination: null, Paused: null } and not { Lease: null, MaxAttempts: null })
            settings = settings with { Destination = To("here") };
        await _engine.Store.PutSubscriptionAsync(_topic, Sub, settings, SubscriptionStart.Beginning, CancellationToken.None);
        _dispatcher = new Dispatcher(_engine.Store, _engine.Fetcher, [_kind], _engine.Meter, _engine.Clock, _log);
        await _dispatcher.StartAsync(CancellationToken.None);
    }

    /// <summary>As the route does it: the store first, then word to the dispatcher.</summary>
    private async Task PutAsync(SubscriptionSettings settings, string subscription = Sub)
    {
        await _engine.Store.PutSubscriptionAsync(_topic, subscription, settings, SubscriptionStart.Beginning, CancellationToken.None);
        _dispatcher!.Changed();
    }

    private async Task<SubscriptionStatus> StatusAsync(string subscription = Sub) =>
        Assert.Single(await _engine.Store.ListSubscriptionsAsync(_topic, subscription, CancellationToken.None));

    private Task<IReadOnlyList<DeadLetter>> DeadAsync() => _engine.Store.ListDeadAsync(_topic, Sub, after: 0, limit: 100, CancellationToken.None);

    private Task SettledAsync(Func<SubscriptionStatus, bool> condition) => UntilAsync(async () => condition(await StatusAsync()));

    private static Task UntilAsync(Func<bool> condition) => UntilAsync(() => Task.FromResult(condition()));

    /// <summary>The test's time limit ends a wait in vain.</summary>
    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        while (!await condition())
            await Task.Delay(1, TestContext.Current.CancellationToken);
    }

    /// <summary>The next batch, while time goes on.</summary>
    private async Task<Sending> NextInTimeAsync(TimeSpan? step = null)
    {
        while (_kind.IsQuiet)
            await AdvanceAsync(step ?? Step);
        return await _kind.NextAsync();
    }

    private Task SettledInTimeAsync(Func<SubscriptionStatus, bool> condition) => UntilAsync(async () =>
    {
        _engine.Clock.Advance(Step);
        return condition(await StatusAsync());
    });

    /// <summary>Moves the clock, and lets those whom it wakes have a turn.</summary>
    private async Task AdvanceAsync(TimeSpan time)
    {
        _engine.Clock.Advance(time);
        await Task.Delay(1, TestContext.Current.CancellationToken);
    }

    /// <summary>What one engine's meter counted.</summary>
    private sealed class Counts : IDisposable
    {
        private readonly MeterListener _listener = new();
        private readonly ConcurrentDictionary<string, long> _counts = new(StringComparer.Ordinal);

        public Counts(object scope)
        {
            _listener.InstrumentPublished = (instrument, listener) =>
            {
                if (ReferenceEquals(instrument.Meter.Scope, scope))
                    listener.EnableMeasurementEvents(instrument);
            };
            _listener.SetMeasurementEventCallback<long>((instrument, count, _, _) => _counts.AddOrUpdate(instrument.Name, count, (_, sum) => sum + count));
            _listener.Start();
        }

        public long Of(string instrument) => _counts.GetValueOrDefault(instrument);

        public void Dispose() => _listener.Dispose();
    }
}
