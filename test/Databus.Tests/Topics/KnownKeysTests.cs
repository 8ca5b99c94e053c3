using System.Text;
using Databus.Json;
using Databus.Storage;
using Databus.Topics;

namespace Databus.Tests.Topics;

/// <summary>The filter of known keys before a real store: it spares the store duplicates and never answers for it.</summary>
public sealed class KnownKeysTests : IAsyncLifetime
{
    private Engine _engine = null!;

    private int StoreAsked => _engine.Probe.Asked(nameof(IStore.AppendAsync));

    public async ValueTask InitializeAsync() => _engine = await Engine.StartAsync();

    public ValueTask DisposeAsync() => _engine.DisposeAsync();

    [Fact]
    public async Task A_duplicate_that_is_known_does_not_reach_the_store_and_is_counted()
    {
        var topic = await _engine.TopicAsync();
        await _engine.AppendAsync(topic, 1, 2, 3);
        Assert.Equal([new(3, false), new(1, false)], await _engine.AppendAsync(topic, 3, 1));
        Assert.Equal(1, StoreAsked);
        Assert.Equal((3, 2), (_engine.Meter.AddedLastMinute, _engine.Meter.DuplicatesLastMinute));
    }

    [Fact]
    public async Task What_is_not_known_is_asked_of_the_store_in_its_order_beside_what_is()
    {
        var topic = await _engine.TopicAsync();
        await _engine.AppendAsync(topic, 1, 2, 3);
        Assert.Equal(
            [new(4, true), new(2, false), new(5, true), new(4, false), new(1, false), new(5, false)],
            await _engine.AppendAsync(topic, 4, 2, 5, 4, 1, 5));
    }

    [Fact]
    public async Task The_same_key_twice_in_one_call_is_added_once()
    {
        var topic = await _engine.TopicAsync();
        Assert.Equal([new(1, true), new(1, false), new(2, true), new(1, false)], await _engine.AppendAsync(topic, 7, 7, 8, 7));
        Assert.Equal([new(1, false), new(1, false)], await _engine.AppendAsync(topic, 7, 7));
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task Nothing_is_known_before_it_is_committed()
    {
        var topic = await _engine.TopicAsync();
        var held = new TaskCompletionSource();
        _engine.Probe.Hold(nameof(IStore.AppendAsync), held.Task);
        var first = _engine.AppendAsync(topic, 1);
        _engine.Probe.LetGo(nameof(IStore.AppendAsync));

        // The first is not answered yet: the second is judged by the store.
        await _engine.AppendAsync(topic, 1);
        Assert.Equal(2, StoreAsked);
        held.SetResult();
        await first;
    }

    [Fact]
    public async Task What_the_store_failed_to_take_is_not_known()
    {
        var topic = await _engine.TopicAsync();
        _engine.Probe.FailNext(nameof(IStore.AppendAsync), new StoreException(StoreProblem.Unavailable, "Gone."));
        await Assert.ThrowsAsync<StoreException>(() => _engine.AppendAsync(topic, 1));
        Assert.Equal([new(1, true)], await _engine.AppendAsync(topic, 1));
    }

    [Fact]
    public async Task A_fact_is_used_until_a_second_before_its_key_is_free()
    {
        var topic = await TopicAsync(TimeSpan.FromMinutes(1));
        await _engine.AppendAsync(topic, 1);
        _engine.Clock.Advance(TimeSpan.FromSeconds(58.9));
        Assert.Equal([new(1, false)], await _engine.AppendAsync(topic, 1));
        Assert.Equal(1, StoreAsked);
        _engine.Clock.Advance(TimeSpan.FromSeconds(0.1));
        Assert.Equal([new(1, false)], await _engine.AppendAsync(topic, 1));
        Assert.Equal(2, StoreAsked);
        _engine.Clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal([new(2, true)], await _engine.AppendAsync(topic, 1));
    }

    [Fact]
    public async Task A_clock_that_is_set_back_or_forward_changes_no_answer()
    {
        var topic = await TopicAsync(TimeSpan.FromMinutes(1));
        await _engine.AppendAsync(topic, 1);
        var then = _engine.Clock.GetUtcNow();
        _engine.Clock.SetUtcNow(then.AddDays(1));
        Assert.Equal([new(2, true)], await _engine.AppendAsync(topic, 1));
        _engine.Clock.SetUtcNow(then);
        Assert.Equal([new(2, false)], await _engine.AppendAsync(topic, 1));
    }

    [Fact]
    public async Task A_window_of_a_second_is_not_remembered()
    {
        var topic = await TopicAsync(TimeSpan.FromSeconds(1));
        await _engine.AppendAsync(topic, 1);
        Assert.Equal([new(1, false)], await _engine.AppendAsync(topic, 1));
        Assert.Equal(2, StoreAsked);
        _engine.Clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal([new(2, true)], await _engine.AppendAsync(topic, 1));
    }

    [Fact]
    public async Task A_window_made_shorter_holds_for_keys_taken_from_then_on()
    {
        var topic = await TopicAsync(TimeSpan.FromMinutes(1));
        await _engine.AppendAsync(topic, 1);
        topic = await TopicAsync(TimeSpan.FromSeconds(10));
        await _engine.AppendAsync(topic, 2);
        _engine.Clock.Advance(TimeSpan.FromSeconds(30));
        Assert.Equal([new(1, false), new(3, true)], await _engine.AppendAsync(topic, 1, 2));
    }

    [Fact]
    public async Task A_topic_deleted_meanwhile_takes_what_is_known_again()
    {
        var topic = await _engine.TopicAsync();
        await _engine.AppendAsync(topic, 1, 2);
        await _engine.Store.DeleteTopicAsync("letters", CancellationToken.None);

        // The sender does not know yet, as one that streams.
        Assert.Equal([new(1, true)], await _engine.AppendAsync(topic, 2));
        Assert.Equal([new(1, false)], await _engine.AppendAsync(await _engine.TopicAsync(), 2));
    }

    [Fact]
    public async Task Keys_of_one_topic_are_not_known_in_another()
    {
        await _engine.AppendAsync(await _engine.TopicAsync(), 1);
        Assert.Equal([new(1, true)], await _engine.AppendAsync(await _engine.TopicAsync("others"), 1));
    }

    [Fact]
    public async Task Another_history_of_the_data_is_not_answered_from_what_was_known()
    {
        var topic = await _engine.TopicAsync();
        _engine.Probe.Answer("get_Generation", () => "first");
        await _engine.AppendAsync(topic, 1);
        await _engine.AppendAsync(topic, 1);
        Assert.Equal(1, StoreAsked);
        _engine.Probe.Answer("get_Generation", () => "second");
        await _engine.AppendAsync(topic, 1);
        Assert.Equal(2, StoreAsked);
    }

    [Fact]
    public async Task Where_the_history_is_not_known_the_filter_is_neither_asked_nor_told()
    {
        var topic = await _engine.TopicAsync();
        await _engine.AppendAsync(topic, 1);
        _engine.Probe.Answer("get_Generation", () => null);
        await _engine.AppendAsync(topic, 1);
        await _engine.AppendAsync(topic, 2);
        Assert.Equal(3, StoreAsked);
        _engine.Probe.Answer("get_Generation", () => "known again");
        await _engine.AppendAsync(topic, 2);
        Assert.Equal(4, StoreAsked);
    }

    [Theory(Timeout = Engine.Patience)]
    [InlineData("first")]
    [InlineData("second")]
    public async Task What_was_committed_while_the_history_changed_is_not_remembered(string askedFor)
    {
        var topic = await _engine.TopicAsync();
        var held = new TaskCompletionSource();
        _engine.Probe.Answer("get_Generation", () => "first");
        _engine.Probe.Hold(nameof(IStore.AppendAsync), held.Task);
        var first = _engine.AppendAsync(topic, 1);
        _engine.Probe.LetGo(nameof(IStore.AppendAsync));
        _engine.Probe.Answer("get_Generation", () => "second");
        held.SetResult();
        await first;

        // Neither under the new name nor under the old one, by which others may still call it.
        _engine.Probe.Answer("get_Generation", () => askedFor);
        await _engine.AppendAsync(topic, 1);
        Assert.Equal(2, StoreAsked);
    }

    [Fact]
    public async Task Switched_off_every_item_reaches_the_store()
    {
        var log = new TopicLog(_engine.Store, _engine.Signals, new KnownKeys(_engine.Store, most: 0, shared: null, _engine.Meter), _engine.Meter);
        var topic = await _engine.TopicAsync();
        var item = new NewItem(Encoding.UTF8.GetBytes("{}"), KeyHash.FromText("1"), "1", Source: null);
        await log.AppendAsync(topic, [item], CancellationToken.None);
        Assert.False((await log.AppendAsync(topic, [item], CancellationToken.None))[0].Added);
        Assert.Equal(2, StoreAsked);
    }

    private async Task<Topic> TopicAsync(TimeSpan window) =>
        (await _engine.Store.PutTopicAsync("letters", new TopicSettings { Window = window }, CancellationToken.None)).Topic;
}
