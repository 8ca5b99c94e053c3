using Databus.Storage;
using Databus.Topics;

namespace Databus.Subscriptions;

/// <summary>Fetches deliveries, and waits for them where there are none.</summary>
public sealed class Fetcher
{
    private readonly IStore _store;
    private readonly TopicSignals _signals;
    private readonly TimeProvider _time;

    internal Fetcher(IStore store, TopicSignals signals, TimeProvider time)
    {
        _store = store;
        _signals = signals;
        _time = time;
    }

    /// <summary>
    /// As <see cref="IStore.FetchAsync"/>; where nothing is there, waits up to <paramref name="wait"/> for something to
    /// be added or to come due again. Ends empty-handed when the time is over or the topic goes away. Null: the
    /// subscription pushes, and nobody may pull from it.
    /// </summary>
    public async Task<IReadOnlyList<Delivery>?> FetchAsync(
        Topic topic, string subscription, int max, TimeSpan? lease, TimeSpan wait, CancellationToken cancellationToken)
    {
        var (fetched, _) = await FetchAsync(
            topic, subscription, asking => _store.FetchAsync(topic, subscription, max, lease, asking), wait, cancellationToken, cancellationToken);
        return fetched.Pushes ? null : fetched.Deliveries;
    }

    /// <summary>
    /// As <see cref="IStore.FetchToPushAsync"/>, with a wait. The wait is cancelled apart from the asking: an answer
    /// that nobody takes holds leases that nobody uses.
    /// </summary>
    /// <returns>With the time at which the store was asked: no lease ends earlier than its length after that.</returns>
    internal async Task<(IReadOnlyList<Delivery> Deliveries, long AskedAt)> FetchToPushAsync(
        PushSubscription subscription, int max, TimeSpan wait, CancellationToken asking, CancellationToken waiting)
    {
        var (fetched, askedAt) = await FetchAsync(
            subscription.Topic, subscription.Name, token => _store.FetchToPushAsync(subscription, max, token), wait, asking, waiting);
        return (fetched.Deliveries, askedAt);
    }

    private async Task<(FetchResult Fetched, long AskedAt)> FetchAsync(
        Topic topic, string subscription, Func<CancellationToken, Task<FetchResult>> ask, TimeSpan wait,
        CancellationToken asking, CancellationToken waiting)
    {
        var started = _time.GetTimestamp();
        var signal = _signals.Of(topic);
        var line = signal.LineOf(subscription, _time);

        // In line before the first look, so that nothing comes between the look and the wait.
        using var place = line.Join();
        while (true)
        {
            var askedAt = _time.GetTimestamp();
            var fetched = await AskOrPassOnAsync();
            if (fetched.More)
                line.WakeOne();
            if (fetched.NextDueAt is { } due)
                line.WakeAt(ToOwnTime(due));
            if (fetched.IsHeldUp)
                line.WaitsForRoom = true;
            if (fetched.Pushes)
                line.WakeOne();
            if (fetched.Deliveries.Count > 0 || fetched.Pushes)
                return (fetched, askedAt);

            var left = wait - _time.GetElapsedTime(started);
            if (left <= TimeSpan.Zero || !await place.WaitAsync(left, waiting))
                return (FetchResult.Nothing, askedAt);
            if ((await _store.FindTopicAsync(topic.Name, asking))?.Number != topic.Number)
            {
                // Nothing comes here any more: one after the other leaves.
                line.WakeOne();
                return (FetchResult.Nothing, askedAt);
            }
        }

        async Task<FetchResult> AskOrPassOnAsync()
        {
            try
            {
                return await ask(asking);
            }
            catch (OperationCanceledException)
            {
                // What this one was woken for is still there, for the next in line.
                line.WakeOne();
                throw;
            }
        }
    }

    /// <summary>The store's clock may go apart from this machine's, by which timers run.</summary>
    private DateTimeOffset ToOwnTime(DateTimeOffset storeTime) => _time.GetUtcNow() + (storeTime - _store.Now);

    /// <summary>As <see cref="IStore.AcknowledgeAsync"/>, and wakes one who waits for room.</summary>
    public async Task<IReadOnlyList<LeaseToken>> AcknowledgeAsync(
        Topic topic, string subscription, IReadOnlyList<LeaseToken> tokens, CancellationToken cancellationToken)
    {
        var lost = await _store.AcknowledgeAsync(topic, subscription, tokens, cancellationToken);
        if (lost.Count < tokens.Count)
            _signals.Of(topic).MadeRoom(subscription);
        return lost;
    }

    /// <summary>As <see cref="IStore.ExtendAsync"/>; a lease may also become shorter, and those who wait know of its new end.</summary>
    public async Task<IReadOnlyList<LeaseToken>> ExtendAsync(
        Topic topic, string subscription, IReadOnlyList<LeaseToken> tokens, TimeSpan lease, CancellationToken cancellationToken)
    {
        var lost = await _store.ExtendAsync(topic, subscription, tokens, lease, cancellationToken);
        if (lost.Count < tokens.Count)
            _signals.Of(topic).LineOf(subscription, _time).WakeAt(_time.GetUtcNow() + lease);
        return lost;
    }

    /// <summary>As <see cref="IStore.NegativeAcknowledgeAsync"/>, and wakes one who waits for what came back.</summary>
    public async Task<NackResult> NegativeAcknowledgeAsync(
        Topic topic, string subscription, IReadOnlyList<NegativeAcknowledgement> returned, CancellationToken cancellationToken)
    {
        var result = await _store.NegativeAcknowledgeAsync(topic, subscription, returned, cancellationToken);
        if (result.Returned > 0)
            _signals.Of(topic).Wake(subscription);
        else if (result.Dead > 0)
            _signals.Of(topic).MadeRoom(subscription);
        return result;
    }

    /// <summary>As <see cref="IStore.ReplayDeadAsync"/>, and wakes one who waits.</summary>
    public async Task<int> ReplayDeadAsync(
        Topic topic, string subscription, IReadOnlyList<long>? ids, CancellationToken cancellationToken)
    {
        var replayed = await _store.ReplayDeadAsync(topic, subscription, ids, cancellationToken);
        if (replayed > 0)
            _signals.Of(topic).Wake(subscription);
        return replayed;
    }

    /// <summary>As <see cref="IStore.RewindAsync"/>, and wakes one who waits.</summary>
    public async Task<bool> RewindAsync(
        Topic topic, string subscription, RewindTarget target, CancellationToken cancellationToken)
    {
        var found = await _store.RewindAsync(topic, subscription, target, cancellationToken);
        if (found)
            _signals.Of(topic).Wake(subscription);
        return found;
    }
}
