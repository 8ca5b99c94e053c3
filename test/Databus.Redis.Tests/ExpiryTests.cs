using Databus.Sqlite;
using Databus.Testing;
using Databus.Testing.Servers;
using Databus.Topics;

namespace Databus.Redis.Tests;

/// <summary>A fact holds as long as its key is taken by the store's clock, whatever Redis still has.</summary>
public sealed class ExpiryTests : IAsyncLifetime
{
    /// <summary>The id that a forged fact names: an answer that has it comes from Redis.</summary>
    private const long Forged = 777;

    private readonly TemporaryFolder _folder = new();
    private readonly FakeClock _clock = new();
    private RedisServer _redis = null!;
    private Node _node = null!;

    public async ValueTask InitializeAsync()
    {
        _redis = await RedisServer.StartAsync();
        var store = new SqliteStore(new SqliteStoreOptions { DataDirectory = _folder.Path }, _clock);
        await store.OpenAsync(CancellationToken.None);
        _node = await Node.StartAsync(store, _redis.Options());
        await Patience.UntilConnectedAsync(_node);
    }

    public async ValueTask DisposeAsync()
    {
        await _node.DisposeAsync();
        await _redis.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task It_is_used_until_a_second_before_its_key_is_free_and_not_after()
    {
        var topic = await TopicAsync(window: TimeSpan.FromMinutes(1));
        Assert.Equal(new AppendOutcome(1, Added: true), await _node.AppendOneAsync(topic, 1));
        await Patience.UntilAsync(async () => await HeldAsync(topic, 1) != "");
        var end = await HeldAsync(topic, 1);
        Assert.Equal($"1:{_clock.GetUtcNow().AddMinutes(1).ToUnixTimeMilliseconds()}", end);
        var forged = $"{Forged}{end[1..]}";
        await _redis.PutAsync(_node.Store.Generation!, topic, 1, forged);

        _clock.Advance(TimeSpan.FromSeconds(58.9));
        Assert.Equal(new AppendOutcome(Forged, Added: false), await _node.AppendOneAsync(topic, 1));
        _clock.Advance(TimeSpan.FromSeconds(0.1));
        Assert.Equal(new AppendOutcome(1, Added: false), await _node.AppendOneAsync(topic, 1));

        // The key is free, and Redis, whose clock stood still, holds what it was told before.
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(forged, await HeldAsync(topic, 1));
        Assert.Equal(new AppendOutcome(2, Added: true), await _node.AppendOneAsync(topic, 1));
    }

    [Fact]
    public async Task Redis_gives_its_space_back_when_the_key_is_free()
    {
        var topic = await TopicAsync(window: TimeSpan.FromMinutes(1));
        await _node.AppendAsync(topic, 1);
        await Patience.UntilAsync(async () => await _redis.CountKeysAsync() == 1);
        var key = await _redis.SayAsync("KEYS", "databus:*");
        Assert.InRange(int.Parse(await _redis.SayAsync("PTTL", key)), 1, 60_000);
    }

    [Fact]
    public async Task A_key_that_is_never_free_again_is_known_for_ever_and_held_for_a_month()
    {
        var topic = await TopicAsync(window: TimeSpan.FromMinutes(1));
        var item = new NewItem("{}"u8.ToArray(), Json.KeyHash.FromText("1"), "1", "feed") { KeyNeverExpires = true };
        await _node.Log.AppendAsync(topic, [item], CancellationToken.None);
        await Patience.UntilAsync(async () => await HeldAsync(topic, 1) == "1:");
        await _redis.PutAsync(_node.Store.Generation!, topic, 1, $"{Forged}:");
        _clock.Advance(TimeSpan.FromDays(10_000));
        Assert.Equal(new AppendOutcome(Forged, Added: false), await _node.AppendOneAsync(topic, 1));
    }

    [Fact]
    public async Task A_window_of_a_second_is_never_told()
    {
        var brief = await TopicAsync(window: TimeSpan.FromSeconds(1), "brief");
        var other = await TopicAsync(window: TimeSpan.FromMinutes(1), "other");
        await _node.AppendAsync(brief, 1, 2, 3);

        // What is told is told in order.
        await _node.AppendAsync(other, 1);
        await Patience.UntilAsync(async () => await _redis.CountKeysAsync() > 0);
        Assert.Equal(1, await _redis.CountKeysAsync());
        Assert.Equal("", await HeldAsync(brief, 1));
    }

    [Theory]
    [InlineData("")]
    [InlineData("1")]
    [InlineData(":")]
    [InlineData("0:")]
    [InlineData("-1:")]
    [InlineData("x:99999999999999")]
    [InlineData("5:x")]
    [InlineData("5:-1")]
    [InlineData("5: 1")]
    [InlineData("5:253402300800000")]
    [InlineData("5:99999999999999999999")]
    [InlineData("99999999999999999999:")]
    [InlineData("\u00ff\u0000")]
    public async Task What_nobody_of_us_wrote_is_not_believed(string value)
    {
        var topic = await TopicAsync(window: TimeSpan.FromMinutes(1));
        await _redis.PutAsync(_node.Store.Generation!, topic, 1, value.Replace("\0", "", StringComparison.Ordinal));
        Assert.Equal(new AppendOutcome(1, Added: true), await _node.AppendOneAsync(topic, 1));
    }

    [Fact]
    public async Task Another_kind_of_value_is_not_believed_either()
    {
        var topic = await TopicAsync(window: TimeSpan.FromMinutes(1));
        await _redis.SayAsync("LPUSH", FactText.PrefixOf(_node.Store.Generation!, topic.Number) + Json.KeyHash.FromText("1"), "5:");
        Assert.Equal([new(1, true), new(2, true)], await _node.AppendAsync(topic, 1, 2));
    }

    [Fact]
    public async Task Many_keys_are_asked_for_at_once_and_each_answer_is_its_own()
    {
        const int count = 2500, unknown = (count + 2) / 3, known = count - unknown;
        var topic = await TopicAsync(window: TimeSpan.FromMinutes(1));
        await _node.AppendAsync(topic, [.. Enumerable.Range(0, count).Where(key => key % 3 != 0)]);
        await Patience.UntilAsync(async () => await _redis.CountKeysAsync() == known);
        var outcomes = await _node.AppendAsync(topic, [.. Enumerable.Range(0, count)]);
        Assert.Equal(known, _node.SharedHits);
        for (var key = 0; key < count; key++)
        {
            Assert.Equal(
                key % 3 == 0 ? new AppendOutcome(known + (key / 3) + 1, Added: true) : new AppendOutcome(key - (key / 3), Added: false),
                outcomes[key]);
        }
    }

    private Task<string> HeldAsync(Topic topic, int key) => _redis.GetAsync(_node.Store.Generation!, topic, key);

    private async Task<Topic> TopicAsync(TimeSpan window, string name = "letters") =>
        (await _node.Store.PutTopicAsync(name, new TopicSettings { Window = window }, CancellationToken.None)).Topic;
}
