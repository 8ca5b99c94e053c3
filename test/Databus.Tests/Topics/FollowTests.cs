using Databus.Storage;
using Databus.Topics;

namespace Databus.Tests.Topics;

/// <summary>P3 as a follower sees it.</summary>
public sealed class FollowTests : IAsyncLifetime
{
    private Engine _engine = null!;

    public async ValueTask InitializeAsync() => _engine = await Engine.StartAsync();

    public ValueTask DisposeAsync() => _engine.DisposeAsync();

    [Fact(Timeout = Engine.Patience)]
    public async Task Followers_see_every_id_once_and_in_order_while_others_append()
    {
        const int senders = 8, perSender = 150, total = senders * perSender;
        var topic = await _engine.TopicAsync();
        var followers = Enumerable.Range(0, 4).Select(_ => Task.Run(() => FollowAsync(topic, after: 0, total))).ToArray();
        await Task.WhenAll(Enumerable.Range(0, senders).Select(sender => Task.Run(async () =>
        {
            foreach (var some in Enumerable.Range(sender * perSender, perSender).Chunk(1 + (sender % 3)))
                await _engine.AppendAsync(topic, some);
        })));
        foreach (var seen in await Task.WhenAll(followers))
            Assert.Equal(Enumerable.Range(1, total).Select(id => (long)id), seen);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task A_follower_that_comes_back_with_its_last_id_misses_nothing()
    {
        const int total = 300;
        var topic = await _engine.TopicAsync();
        var seen = new List<long>();
        var following = Task.Run(async () =>
        {
            while (seen.Count < total)
                seen.AddRange(await FollowAsync(topic, after: seen.Count == 0 ? 0 : seen[^1], atLeast: 1));
        });
        for (var key = 1; key <= total; key++)
            await _engine.AppendAsync(topic, key);
        await following;
        Assert.Equal(Enumerable.Range(1, total).Select(id => (long)id), seen);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task An_append_between_the_look_and_the_wait_is_seen()
    {
        var topic = await _engine.TopicAsync();
        var held = new TaskCompletionSource();
        _engine.Probe.Hold(nameof(IStore.ReadItemsAsync), held.Task);
        var following = FollowAsync(topic, after: 0, atLeast: 1);
        _engine.Probe.LetGo(nameof(IStore.ReadItemsAsync));
        await _engine.AppendAsync(topic, 1);
        held.SetResult();
        Assert.Equal([1L], await following);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task Much_comes_in_bounded_batches()
    {
        var topic = await _engine.TopicAsync();
        await _engine.AppendAsync(topic, [.. Enumerable.Range(1, 1200)]);
        var batches = new List<int>();
        await foreach (var batch in _engine.Log.FollowAsync(topic, after: 100, CancellationToken.None))
        {
            batches.Add(batch.Count);
            if (batches.Sum() == 1100)
                break;
        }

        Assert.All(batches, count => Assert.InRange(count, 1, 500));
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task It_ends_when_the_topic_is_deleted()
    {
        var topic = await _engine.TopicAsync();
        await _engine.AppendAsync(topic, 1);
        var seen = new List<long>();
        var begun = new TaskCompletionSource();
        var following = Task.Run(async () =>
        {
            await foreach (var batch in _engine.Log.FollowAsync(topic, after: 0, CancellationToken.None))
            {
                seen.AddRange(batch.Select(item => item.Id));
                begun.SetResult();
            }
        });
        await begun.Task;
        await _engine.Store.DeleteTopicAsync("letters", CancellationToken.None);
        await following;
        Assert.Equal([1L], seen);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task It_ends_at_once_when_the_topic_was_deleted_just_before_also_if_the_name_lives_on()
    {
        var topic = await _engine.TopicAsync();
        await _engine.Store.DeleteTopicAsync("letters", CancellationToken.None);
        Assert.Empty(await FollowAsync(topic, after: 0, atLeast: 1));

        await _engine.AppendAsync(await _engine.TopicAsync(), 1);
        Assert.Empty(await FollowAsync(topic, after: 0, atLeast: 1));
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task A_follower_that_gives_up_ends()
    {
        var topic = await _engine.TopicAsync();
        using var cancellation = new CancellationTokenSource();
        await using var following = _engine.Log.FollowAsync(topic, after: 0, cancellation.Token).GetAsyncEnumerator(cancellation.Token);
        var next = following.MoveNextAsync();
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await next);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task Appending_to_a_topic_deleted_meanwhile_brings_it_to_life_again()
    {
        var topic = await _engine.TopicAsync();
        await _engine.Store.DeleteTopicAsync("letters", CancellationToken.None);
        Assert.Equal([new AppendOutcome(1, Added: true)], (await _engine.AppendAsync(topic, 1)).ToList());
        Assert.NotEqual(topic.Number, (await _engine.Store.FindTopicAsync("letters", CancellationToken.None))!.Number);
    }

    /// <summary>Follows until this many ids were seen, or the log ends.</summary>
    private async Task<List<long>> FollowAsync(Topic topic, long after, int atLeast)
    {
        var seen = new List<long>();
        await foreach (var batch in _engine.Log.FollowAsync(topic, after, CancellationToken.None))
        {
            seen.AddRange(batch.Select(item => item.Id));
            if (seen.Count >= atLeast)
                break;
        }

        return seen;
    }
}
