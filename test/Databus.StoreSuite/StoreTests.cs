using System.Globalization;
using System.Text;
using Databus.Json;
using Databus.Storage;
using Databus.Subscriptions;
using Databus.Testing;
using Databus.Topics;

namespace Databus.StoreSuite;

/// <summary>
/// What all classes of the suite share: an open store on fresh data, a clock that stands still, and short words
/// for what nearly every test does. A store joins the suite by one subclass for each class, which names its home.
/// </summary>
public abstract class StoreTests(StoreHome home) : IAsyncLifetime
{
    protected const string Sub = "reader";
    protected static readonly TimeSpan Millisecond = TimeSpan.FromMilliseconds(1);
    protected static readonly TimeSpan Lease = TimeSpan.FromSeconds(30);
    protected static readonly SubscriptionSettings Defaults = new();

    protected FakeClock Clock { get; } = new();

    protected IStore Store { get; private set; } = null!;

    protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => Store = await OpenAsync();

    public async ValueTask DisposeAsync()
    {
        await Store.DisposeAsync();
        await home.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    /// <summary>Closes the store and opens another on the same data.</summary>
    protected async Task ReopenAsync()
    {
        await Store.DisposeAsync();
        Store = await OpenAsync();
    }

    /// <summary>An item whose key is this text.</summary>
    protected static NewItem Keyed(string key) => WithContent(key, $$"""{"key":"{{key}}"}""");

    protected static NewItem Keyed(int key) => Keyed(key.ToString(CultureInfo.InvariantCulture));

    protected static NewItem WithContent(string key, string json) =>
        new(Encoding.UTF8.GetBytes(json), KeyHash.FromText(key), key, Source: null);

    protected static NewItem[] Many(int count, int first = 1) => [.. Enumerable.Range(first, count).Select(Keyed)];

    protected static string Text(byte[] content) => Encoding.UTF8.GetString(content);

    protected static IEnumerable<long> Ids(IEnumerable<Item> items) => items.Select(item => item.Id);

    protected static IEnumerable<long> Ids(FetchResult fetched) => fetched.Deliveries.Select(delivery => delivery.Id);

    protected static LeaseToken[] Tokens(FetchResult fetched) => [.. fetched.Deliveries.Select(delivery => delivery.Token!.Value)];

    protected static IEnumerable<long> Numbers(int from, int to) => Enumerable.Range(from, to - from + 1).Select(number => (long)number);

    protected async Task<Topic> TopicAsync(string name = "letters", TopicSettings? settings = null) =>
        (await Store.PutTopicAsync(name, settings, Cancellation)).Topic;

    /// <summary>A topic that holds the items 1 to <paramref name="count"/>.</summary>
    protected async Task<Topic> TopicOfAsync(int count, TopicSettings? settings = null)
    {
        var topic = await TopicAsync(settings: settings);
        await AppendAsync(topic, Many(count));
        return topic;
    }

    protected async Task<AppendOutcome[]> AppendAsync(Topic topic, params NewItem[] items)
    {
        var result = await Store.AppendAsync(topic, items, Cancellation);
        Assert.NotNull(result);
        return result.Outcomes;
    }

    protected async Task<AppendOutcome> AppendAsync(Topic topic, string key) => (await AppendAsync(topic, Keyed(key)))[0];

    protected async Task<IReadOnlyList<Item>> AllItemsAsync(Topic topic) =>
        (await Store.ReadItemsAsync(topic, new ItemQuery { Limit = ItemQuery.MaxLimit }, Cancellation)).Items;

    /// <summary>Fetches; with no lease named, the subscription's own.</summary>
    protected Task<FetchResult> FetchAsync(Topic topic, int max = 1, TimeSpan? lease = null, string subscription = Sub) =>
        Store.FetchAsync(topic, subscription, max, lease, Cancellation);

    /// <summary>Fetches what must be exactly one delivery.</summary>
    protected async Task<Delivery> FetchOneAsync(Topic topic, TimeSpan? lease = null) =>
        Assert.Single((await FetchAsync(topic, max: 1, lease)).Deliveries);

    protected Task<IReadOnlyList<LeaseToken>> AcknowledgeAsync(Topic topic, params LeaseToken[] tokens) =>
        Store.AcknowledgeAsync(topic, Sub, tokens, Cancellation);

    protected Task<NackResult> NackAsync(Topic topic, LeaseToken token, TimeSpan delay = default, string? reason = null) =>
        NackAsync(topic, [token], delay, reason);

    protected Task<NackResult> NackAsync(
        Topic topic, IEnumerable<LeaseToken> tokens, TimeSpan delay = default, string? reason = null, AttemptUse use = AttemptUse.Counts) =>
        Store.NegativeAcknowledgeAsync(
            topic, Sub, [.. tokens.Select(token => new NegativeAcknowledgement(token, delay, reason, use))], Cancellation);

    protected Task<NackResult> NackAsync(Topic topic, LeaseToken token, AttemptUse use, string? reason = null) =>
        NackAsync(topic, [token], reason: reason, use: use);

    protected async Task SubscribeAsync(
        Topic topic, SubscriptionSettings? settings = null, SubscriptionStart start = SubscriptionStart.Beginning, string name = Sub) =>
        Assert.NotNull(await Store.PutSubscriptionAsync(topic, name, settings ?? Defaults, start, Cancellation));

    protected async Task<SubscriptionStatus> StatusAsync(Topic topic, string name = Sub) =>
        Assert.Single(await Store.ListSubscriptionsAsync(topic, name, Cancellation));

    protected async Task<TopicStatus> TopicStatusAsync(string name = "letters") =>
        Assert.Single(await Store.ListTopicsAsync(name, Cancellation));

    protected Task<IReadOnlyList<DeadLetter>> DeadAsync(Topic topic, long after = 0, int limit = 100) =>
        Store.ListDeadAsync(topic, Sub, after, limit, Cancellation);

    /// <summary>Fetches and lets the lease end, until the item is a dead letter.</summary>
    protected async Task WearOutAsync(Topic topic, int attempts)
    {
        for (var attempt = 1; attempt <= attempts; attempt++)
        {
            Assert.Equal(attempt, (await FetchOneAsync(topic, Lease)).Attempt);
            Clock.Advance(Lease);
        }
    }

    /// <summary>Purges until nothing is left to do, and returns how many rows went.</summary>
    protected async Task<int> PurgeAsync()
    {
        for (var removed = 0; ;)
        {
            var step = await Store.PurgeStepAsync(Cancellation);
            removed += step.Removed;
            if (!step.More)
                return removed;
        }
    }

    private async Task<IStore> OpenAsync()
    {
        var store = home.Create(Clock);
        await store.OpenAsync(Cancellation);
        return store;
    }
}
