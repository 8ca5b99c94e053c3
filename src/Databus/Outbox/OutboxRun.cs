using System.Text.Json.Serialization.Metadata;
using Databus.Destinations;

namespace Databus.Outbox;

/// <summary>
/// One claimed batch on its way through the sender, in rounds: each has of a key one message at most, and what comes after it goes only
/// once it was sent. So the first deliveries of a key are in order, also when one fails in between.
/// </summary>
internal sealed class OutboxRun<T>(OutboxBatch batch, JsonTypeInfo<T> json, OutboxSend<T> send, bool goesInBatches)
    where T : notnull
{
    /// <summary>How many calls for single messages are under way at once.</summary>
    private const int SinglesAtOnce = 16;

    private readonly OutboxAnswer?[] _answers = new OutboxAnswer?[batch.Messages.Count];
    private readonly HashSet<string> _stopped = new(StringComparer.Ordinal);
    private readonly OutboxMessage<T>?[] _messages = new OutboxMessage<T>?[batch.Messages.Count];

    /// <summary>Of each message what became of it; null: it was not sent.</summary>
    public IReadOnlyList<OutboxAnswer?> Answers => _answers;

    /// <summary>Reads the contents. One that cannot be read will never be sent.</summary>
    public async Task LoadAsync(IOutboxContents<T>? contents, CancellationToken cancellationToken)
    {
        var loaded = contents is null ? OutboxLoading.Read(batch, json) : await OutboxLoading.ReadAsync(batch, contents, cancellationToken);
        for (var place = 0; place < _messages.Length; place++)
        {
            var claimed = batch.Messages[place];
            if (loaded[place].Error is { } error)
            {
                _answers[place] = new(new SendOutcome(SendResult.Hopeless, $"The content cannot be read: {error.Message}"), error);
            }
            else if (loaded[place].Content is { } content)
            {
                _messages[place] = new OutboxMessage<T>(
                    claimed.MessageId, batch.Type, claimed.OrderKey, content, contents is null ? (ReadOnlyMemory<byte>?)claimed.Content : null, json,
                    claimed.Attempts + 1, claimed.RecordedAt, claimed.TraceParent);
            }
            else
            {
                _answers[place] = new(new SendOutcome(SendResult.Hopeless, "There is no content."));
            }
        }
    }

    /// <summary>Sends round after round.</summary>
    /// <param name="mayGoOn">Asked before each round: the claim is still ours, and the destination there.</param>
    public async Task SendAsync(Func<IReadOnlyList<OutboxAnswer>, bool> mayGoOn, CancellationToken cancellationToken)
    {
        var waiting = Enumerable.Range(0, _messages.Length).ToList();
        while (waiting.Count > 0)
        {
            var round = TakeRound(waiting);
            if (round.Count == 0)
                return;
            await SendRoundAsync(round, cancellationToken);
            round.ForEach(Stop);
            if (!mayGoOn([.. round.Select(place => _answers[place]!.Value)]))
                return;
        }
    }

    /// <summary>Sends one after the other in the order of recording, and nothing after one that was not sent.</summary>
    public async Task SendInOrderAsync(Func<IReadOnlyList<OutboxAnswer>, bool> mayGoOn, CancellationToken cancellationToken)
    {
        for (var place = 0; place < _messages.Length; place++)
        {
            if (_answers[place] is null)
                await SendAsync([place], cancellationToken);
            if (!_answers[place]!.Value.IsSent || !mayGoOn([_answers[place]!.Value]))
                return;
        }
    }

    /// <summary>Takes out what can go now: of each key the first, unless one before it was not sent.</summary>
    private List<int> TakeRound(List<int> waiting)
    {
        var keys = new HashSet<string>(StringComparer.Ordinal);
        var round = new List<int>();
        var later = new List<int>();
        foreach (var place in waiting)
        {
            var key = batch.Messages[place].OrderKey;
            if (_answers[place] is not null)
                Stop(place);
            else if (key is null || (!_stopped.Contains(key) && keys.Add(key)))
                round.Add(place);
            else if (!_stopped.Contains(key))
                later.Add(place);
        }

        waiting.Clear();
        waiting.AddRange(later);
        return round;
    }

    private void Stop(int place)
    {
        if (batch.Messages[place].OrderKey is { } key && !_answers[place]!.Value.IsSent)
            _stopped.Add(key);
    }

    private async Task SendRoundAsync(List<int> round, CancellationToken cancellationToken)
    {
        if (!goesInBatches)
        {
            await SendAsync(round, cancellationToken);
            return;
        }

        // What failed before goes alone: a batch that fails as a whole must not wear out those who are not to blame.
        var fresh = round.Where(place => batch.Messages[place].Attempts == 0).ToList();
        var together = fresh.Count == 0 ? Task.CompletedTask : SendAsync(fresh, cancellationToken);
        using var room = new SemaphoreSlim(SinglesAtOnce);
        await Task.WhenAll(round.Where(place => batch.Messages[place].Attempts > 0).Select(async place =>
        {
            await room.WaitAsync(CancellationToken.None);
            try
            {
                await SendAsync([place], cancellationToken);
            }
            finally
            {
                room.Release();
            }
        }).Append(together));
    }

    /// <summary>One call of the sender. Never fails.</summary>
    private async Task SendAsync(List<int> places, CancellationToken cancellationToken)
    {
        using var activity = OutboxTracing.StartSend(batch.Type, batch.Messages, places);
        try
        {
            var answers = await send([.. places.Select(place => _messages[place]!)], cancellationToken);
            for (var at = 0; at < places.Count; at++)
                _answers[places[at]] = answers[at];
        }
        catch (Exception error)
        {
            foreach (var place in places)
                _answers[place] = OutboxSending.Judge(error);
        }

        OutboxTracing.End(activity, places.Select(place => _answers[place]!.Value));
    }
}
