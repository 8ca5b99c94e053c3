using Databus.Access;
using Databus.Jobs;
using Databus.Nodes;
using Databus.Sources;
using Databus.Subscriptions;
using Databus.Topics;

namespace Databus.Storage;

/// <summary>
/// The one seam under Databus: everything that is kept, in the domain's verbs and in batches. One abstract
/// suite (<c>test/Databus.StoreSuite</c>) says what each verb guarantees, and every store passes it.
/// </summary>
/// <remarks>
/// A task that ends well means committed and on disk (P1). Where infrastructure fails, <see cref="StoreException"/>
/// says how. Names are valid (<see cref="ResourceName"/>) and values in range: the callers see to that.
/// </remarks>
public interface IStore : IAsyncDisposable
{
    /// <summary>Opens or creates the store and brings its schema up to date. Once, before anything else.</summary>
    Task OpenAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Called right after a commit that appended to a topic, with the topic's last id; and once for each
    /// topic deleted, with <see cref="long.MaxValue"/>. Must be quick and must not throw. Set before opening.
    /// </summary>
    Action<Topic, long>? Appended { get; set; }

    /// <summary>
    /// Called when another process did something after which there may be more to take of a subscription. Must be
    /// quick and must not throw. Set before opening.
    /// </summary>
    Action<Topic, string>? Woken { get; set; }

    /// <summary>
    /// Called when another process changed sources or destinations, so that whoever works on them looks again.
    /// Set before opening.
    /// </summary>
    Action? Configured { get; set; }

    /// <summary>Called once when the store stops because it can no longer vouch for what it holds (P10).</summary>
    Action<Exception>? Failed { get; set; }

    /// <summary>The store's own time, by which leases, windows and heartbeats are judged, as well as this process knows it.</summary>
    DateTimeOffset Now { get; }

    /// <summary>
    /// Names this history of the data. What was learnt about keys under one generation says nothing under another:
    /// after a failover or a restored backup the data may know less than before. Null: not known at the moment.
    /// </summary>
    string? Generation { get; }

    /// <summary>Jobs and schedules.</summary>
    IJobStore Jobs { get; }

    // Topics

    /// <summary>The topic of this name, or null. A topic that is known is answered from memory.</summary>
    ValueTask<Topic?> FindTopicAsync(string name, CancellationToken cancellationToken);

    /// <summary>Creates the topic with these settings (null: the defaults), or, unless null, puts them in place of its own.</summary>
    Task<(Topic Topic, bool Created)> PutTopicAsync(string name, TopicSettings? settings, CancellationToken cancellationToken);

    /// <summary>
    /// Removes the topic with its subscriptions; its name is free at once, its rows go in small steps of
    /// <see cref="PurgeStepAsync"/>. False: there is no such topic.
    /// </summary>
    Task<bool> DeleteTopicAsync(string name, CancellationToken cancellationToken);

    Task<IReadOnlyList<TopicStatus>> ListTopicsAsync(string? name, CancellationToken cancellationToken);

    // The log

    /// <summary>
    /// Takes each key and appends its item in one atomic step (P2), in the order given; outcomes in the same
    /// order. Items of one call share a commit. Null: the topic is gone.
    /// </summary>
    Task<AppendResult?> AppendAsync(Topic topic, IReadOnlyList<NewItem> items, CancellationToken cancellationToken);

    Task<ItemPage> ReadItemsAsync(Topic topic, ItemQuery query, CancellationToken cancellationToken);

    // Subscriptions

    /// <summary>Creates the subscription or changes its settings. Null: the topic is gone.</summary>
    Task<(SubscriptionStatus Status, bool Created)?> PutSubscriptionAsync(
        Topic topic, string name, SubscriptionSettings settings, SubscriptionStart start, CancellationToken cancellationToken);

    Task<bool> DeleteSubscriptionAsync(Topic topic, string name, CancellationToken cancellationToken);

    /// <summary>The subscriptions that push and are not paused. Cheap enough to be asked every few seconds.</summary>
    Task<IReadOnlyList<PushSubscription>> ListPushSubscriptionsAsync(CancellationToken cancellationToken);

    /// <summary>All subscriptions, or those of one topic, or the one of that name.</summary>
    Task<IReadOnlyList<SubscriptionStatus>> ListSubscriptionsAsync(Topic? topic, string? name, CancellationToken cancellationToken);

    /// <summary>
    /// Hands out what is due again, oldest due first, then what is new, in id order; creates the subscription,
    /// starting at the beginning, when it is not known. What has used up its attempts becomes a dead letter here.
    /// With no lease the deliveries are acknowledged at once. At most <paramref name="max"/> items and about
    /// 8 MiB of content, one item at least. Of a subscription that pushes nothing is handed out
    /// (<see cref="FetchResult.Pushes"/>), unless it is paused.
    /// </summary>
    /// <param name="lease">How long; null: the subscription's own; zero: acknowledge at once.</param>
    Task<FetchResult> FetchAsync(Topic topic, string subscription, int max, TimeSpan? lease, CancellationToken cancellationToken);

    /// <summary>
    /// As <see cref="FetchAsync"/>, for <see cref="PushSubscription.Lease"/>, to be pushed to that destination: nothing
    /// where the subscription is gone, paused, or has another destination meanwhile.
    /// </summary>
    Task<FetchResult> FetchToPushAsync(PushSubscription subscription, int max, CancellationToken cancellationToken);

    /// <summary>Ends deliveries for good. Returns the tokens that are no longer current, for which nothing was done.</summary>
    Task<IReadOnlyList<LeaseToken>> AcknowledgeAsync(
        Topic topic, string subscription, IReadOnlyList<LeaseToken> tokens, CancellationToken cancellationToken);

    /// <summary>Returns deliveries, each to be made again after its delay; without attempts left they become dead letters.</summary>
    Task<NackResult> NegativeAcknowledgeAsync(
        Topic topic, string subscription, IReadOnlyList<NegativeAcknowledgement> returned, CancellationToken cancellationToken);

    /// <summary>Lets the leases end this long from now. Returns the tokens that are no longer current.</summary>
    Task<IReadOnlyList<LeaseToken>> ExtendAsync(
        Topic topic, string subscription, IReadOnlyList<LeaseToken> tokens, TimeSpan lease, CancellationToken cancellationToken);

    /// <summary>
    /// Sets the position. Deliveries behind it are dropped, their tokens lost, because those items come anew;
    /// deliveries at or before it stay. False: there is no such subscription.
    /// </summary>
    Task<bool> RewindAsync(Topic topic, string subscription, RewindTarget target, CancellationToken cancellationToken);

    /// <summary>Dead letters with an id above <paramref name="after"/>, in id order.</summary>
    Task<IReadOnlyList<DeadLetter>> ListDeadAsync(
        Topic topic, string subscription, long after, int limit, CancellationToken cancellationToken);

    /// <summary>Makes dead letters due again with all their attempts; null: all of them. Returns how many.</summary>
    Task<int> ReplayDeadAsync(Topic topic, string subscription, IReadOnlyList<long>? ids, CancellationToken cancellationToken);

    /// <summary>Removes dead letters for good; null: all of them. Returns how many.</summary>
    Task<int> DiscardDeadAsync(Topic topic, string subscription, IReadOnlyList<long>? ids, CancellationToken cancellationToken);

    // Sources

    Task<bool> PutSourceAsync(SourceSettings settings, CancellationToken cancellationToken);

    Task<bool> DeleteSourceAsync(string name, CancellationToken cancellationToken);

    Task<IReadOnlyList<SourceStatus>> ListSourcesAsync(string? name, CancellationToken cancellationToken);

    /// <summary>
    /// Asks for a poll as soon as possible, paused, failing or not. Asked for while it is polled, it is polled once more.
    /// False: there is no such source.
    /// </summary>
    Task<bool> AskForPollAsync(string source, CancellationToken cancellationToken);

    /// <summary>
    /// Keeps how a poll ended. Does nothing when the source was deleted, has another address, or was polled by somebody else
    /// (<see cref="PollRecord.Before"/>) meanwhile.
    /// </summary>
    Task RecordPollAsync(string source, PollRecord record, CancellationToken cancellationToken);

    // Access tokens

    /// <summary>False: a token of this name exists.</summary>
    Task<bool> AddTokenAsync(AccessToken token, CancellationToken cancellationToken);

    Task<bool> DeleteTokenAsync(string name, CancellationToken cancellationToken);

    Task<IReadOnlyList<AccessToken>> ListTokensAsync(CancellationToken cancellationToken);

    Task TouchTokenAsync(string name, DateTimeOffset usedAt, CancellationToken cancellationToken);

    // Nodes

    /// <summary>
    /// Says that the node is alive, and what it has to tell. Nodes not seen for a day are forgotten.
    /// </summary>
    Task HeartbeatAsync(NodeReport node, CancellationToken cancellationToken);

    /// <summary>The node stops in good order.</summary>
    Task RemoveNodeAsync(string id, CancellationToken cancellationToken);

    /// <summary>All nodes heard of within a day, by name and id.</summary>
    Task<IReadOnlyList<NodeStatus>> ListNodesAsync(CancellationToken cancellationToken);

    // Maintenance

    /// <summary>
    /// Removes a bounded number of items past their retention, expired keys, rows of deleted topics, and what is no longer
    /// kept of jobs.
    /// Returns how many rows went and whether there is more to do now.
    /// </summary>
    Task<PurgeStep> PurgeStepAsync(CancellationToken cancellationToken);

    /// <summary>Sizes and warnings, as an operator needs them.</summary>
    Task<StoreReport> ReportAsync(CancellationToken cancellationToken);
}
