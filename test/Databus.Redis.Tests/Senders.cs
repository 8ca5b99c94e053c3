using System.Collections.Concurrent;
using Databus.Topics;

namespace Databus.Redis.Tests;

/// <summary>
/// Senders on several nodes that send one item a call, nine of ten of them again and again the same, and write down every
/// answer they get.
/// </summary>
internal sealed class Senders(Node[] nodes, Topic topic, int count)
{
    private readonly ConcurrentQueue<(int Key, AppendOutcome Outcome)> _answers = new();
    private Task _sending = Task.CompletedTask;
    private int _answered;
    private volatile bool _isStopped;

    public int Answered => Volatile.Read(ref _answered);

    public int Added => _answers.Count(answer => answer.Outcome.Added);

    public void Start() => _sending = Task.WhenAll(Enumerable.Range(0, count).Select(sender => Task.Run(() => SendAsync(sender))));

    public async Task StopAsync()
    {
        _isStopped = true;
        await _sending;
    }

    /// <summary>Ends when so many more were answered; whoever failed fails here.</summary>
    public async Task WhenAnsweredAsync(int more)
    {
        var enough = Answered + more;
        await Patience.UntilAsync(() => Answered >= enough || _sending.IsFaulted);
        if (_sending.IsFaulted)
            await _sending;
    }

    /// <summary>
    /// Each key was added once, and every other answer for it named that item: compared with one another and with what the
    /// database holds.
    /// </summary>
    public async Task AssertEveryAnswerWasRightAsync()
    {
        var held = await ReadAllAsync();
        Assert.Equal(held.Count, held.Select(item => item.Key).Distinct().Count());
        var ids = held.ToDictionary(item => item.Key, item => item.Id);
        Assert.All(_answers, answer => Assert.Equal(ids[answer.Key], answer.Outcome.Id));
        Assert.Equal(
            ids.Keys.Order(),
            _answers.Where(answer => answer.Outcome.Added).Select(answer => answer.Key).Order());
    }

    private async Task SendAsync(int sender)
    {
        var random = new Random(sender);
        var node = nodes[sender % nodes.Length];
        while (!_isStopped)
        {
            // The newest keys are met by several senders at once.
            var key = random.Next(1 + (Answered / 10));
            _answers.Enqueue((key, await node.AppendOneAsync(topic, key)));
            Interlocked.Increment(ref _answered);
        }
    }

    private async Task<List<(int Key, long Id)>> ReadAllAsync()
    {
        var held = new List<(int Key, long Id)>();
        while (true)
        {
            var page = await nodes[0].Store.ReadItemsAsync(
                topic, new ItemQuery { After = held.Count == 0 ? 0 : held[^1].Id, Limit = 1000 }, CancellationToken.None);
            if (page.Items.Count == 0)
                return held;
            held.AddRange(page.Items.Select(item => (int.Parse(item.Key!), item.Id)));
        }
    }
}
