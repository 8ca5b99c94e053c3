using System.Data.Common;
using Databus.Destinations;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Databus.Outbox;

/// <summary>Sends what was claimed, outside of any transaction, and keeps what became of it.</summary>
internal sealed partial class OutboxSends(
    IServiceScopeFactory scopes, OutboxTypes types, OutboxLeases leases, OutboxCompletions completions, OutboxCircuits circuits, OutboxMeter meter,
    TimeProvider time, ILogger<OutboxSends> logger)
{
    private readonly OutboxTrials _trials = new();

    /// <summary>Sends a batch and ends its claim.</summary>
    /// <param name="claimedAt">The timestamp from before the claim was asked for.</param>
    /// <param name="entry">What the destination's circuit said when the send began.</param>
    /// <param name="inOrder">One after the other, up to the first that is not sent.</param>
    /// <param name="keepsClaim">Ends the messages only.</param>
    public async Task<OutboxTally> SendAsync(
        OutboxType type, OutboxBatch batch, long claimedAt, Entry entry, bool inOrder, bool keepsClaim, CancellationToken sending, CancellationToken keeping)
    {
        using var held = leases.Hold(batch.Token, claimedAt);
        await using var scope = scopes.CreateAsyncScope();
        IReadOnlyList<OutboxAnswer?> answers;
        try
        {
            answers = await type.SendAsync(
                scope.ServiceProvider, batch, inOrder,
                some => held.IsOurs && !some.Any(answer => answer.Outcome.Result == SendResult.Unavailable) && !sending.IsCancellationRequested, time, sending);
        }
        catch (Exception error)
        {
            // No sender could be made, or the contents were not to be had: nothing was sent, and nobody's message is to blame.
            LogNoSender(type.Name, error);
            answers = [.. batch.Messages.Select(_ => (OutboxAnswer?)new OutboxAnswer(new SendOutcome(SendResult.Unavailable, error.Message), error))];
        }

        if (entry.IsTrial && !sending.IsCancellationRequested)
            answers = _trials.Judge(type, batch, answers);
        var tally = new OutboxTally(batch, answers);
        Judge(type, tally, entry.Round, sending.IsCancellationRequested);
        var ends = new List<OutboxEnd>(batch.Messages.Count);
        for (var place = 0; place < answers.Count; place++)
        {
            if (answers[place] is { } answer && EndOf(type, batch.Messages[place], answer.Outcome) is { } end)
                ends.Add(end);
        }

        tally.IsKept = await CompleteAsync(type, batch, ends, keepsClaim, keeping);
        if (tally.IsKept)
        {
            meter.Ended(
                type.Name, tally.Sent.Count, ends.Count(end => end.Result == OutboxResult.Failed), ends.Count(end => end.Result == OutboxResult.Parked));
            foreach (var end in ends.Where(end => end.Result == OutboxResult.Parked))
                LogParked(type.Name, end.Id, end.Reason);
        }
        else
        {
            LogLost(type.Name, batch.Messages.Count);
        }

        tally.NextDue = ends.Where(end => end.Result == OutboxResult.Failed).Select(end => (TimeSpan?)end.Time).Min();
        return tally;
    }

    /// <summary>Removes the contents, kept in tables of their own, of messages that were skipped.</summary>
    public async Task DeleteContentsAsync(DbTransaction transaction, IReadOnlyList<ParkedMessage> skipped, CancellationToken cancellationToken)
    {
        await using var scope = scopes.CreateAsyncScope();
        foreach (var group in skipped.GroupBy(message => message.Type, StringComparer.Ordinal))
        {
            if (types.Find(group.Key) is { HasContents: true } type)
                await type.DeleteContentsAsync(scope.ServiceProvider, transaction, [.. group.Select(message => message.Content)], cancellationToken);
        }
    }

    /// <summary>Null: it is pending as before.</summary>
    private static OutboxEnd? EndOf(OutboxType type, ClaimedOutboxMessage message, SendOutcome outcome)
    {
        switch (outcome.Result)
        {
            case SendResult.Sent:
                return new OutboxEnd(message.Id, OutboxResult.Sent, Time: type.KeepSentFor);
            case SendResult.Unavailable:
                return null;
            case SendResult.Failed when message.Attempts + 1 < type.MaxAttempts && type.BackOff(message.Attempts + 1) is { } wait:
                return new OutboxEnd(
                    message.Id, OutboxResult.Failed, outcome.Reason ?? "It failed.",
                    outcome.RetryAfter is { } asked && asked > wait ? TimeSpan.FromTicks(Math.Min(asked.Ticks, TimeSpan.TicksPerDay)) : wait);
            default:
                return new OutboxEnd(
                    message.Id, OutboxResult.Parked, outcome.Reason ?? "It failed.", HoldsKey: type.Parks == OutboxParking.Key && message.OrderKey is not null);
        }
    }

    /// <summary>Ends a claim, and deletes the contents of what was sent. False: the claim was lost.</summary>
    private async Task<bool> CompleteAsync(
        OutboxType type, OutboxBatch batch, List<OutboxEnd> ends, bool keepsClaim, CancellationToken keeping)
    {
        var completion = new OutboxCompletion(batch.Token, ends, keepsClaim);
        while (type.HasContents && SentContents.Of(type, batch, ends, scopes) is { } contents)
        {
            try
            {
                return await completions.CompleteAsync(completion with { Also = contents.DeleteAsync }, keeping);
            }
            catch (Exception error) when (!keeping.IsCancellationRequested)
            {
                // Sent again and again it would be, if its claim just ended.
                contents.Park(ends, error);
            }
        }

        return await completions.CompleteAsync(completion, keeping);
    }

    /// <summary>What the answers say about the destination as a whole.</summary>
    private void Judge(OutboxType type, OutboxTally tally, int round, bool isStopping)
    {
        // A send that we cancelled, because we stop, says nothing.
        if (tally.Away is { } away && !isStopping)
        {
            var reason = away.Outcome.Reason ?? "The destination is not there.";
            if (circuits.Of(type).Open(round, reason, tally.TookSome, tally.RetryAfter))
                LogUnavailable(type.Destination, reason, away.Error);
        }
        else if (tally.Away is null && tally.TookSome && circuits.Of(type).Close(round))
        {
            LogAvailable(type.Destination);
        }
    }

    [LoggerMessage(EventId = 62, Level = LogLevel.Warning, Message = "Outbox: the destination {Destination} is not available: {Reason}")]
    private partial void LogUnavailable(string destination, string reason, Exception? error);

    [LoggerMessage(EventId = 63, Level = LogLevel.Information, Message = "Outbox: the destination {Destination} is available again")]
    private partial void LogAvailable(string destination);

    [LoggerMessage(EventId = 64, Level = LogLevel.Warning, Message = "Outbox: the message {Type} {Id} is parked: {Reason}")]
    private partial void LogParked(string type, long id, string? reason);

    [LoggerMessage(EventId = 65, Level = LogLevel.Warning, Message = "Outbox: a claim of {Count} messages {Type} was lost; somebody else sends them again")]
    private partial void LogLost(string type, int count);

    [LoggerMessage(EventId = 66, Level = LogLevel.Error, Message = "Outbox: nothing of {Type} could be sent")]
    private partial void LogNoSender(string type, Exception error);
}

/// <summary>How one batch went.</summary>
internal sealed class OutboxTally
{
    private readonly List<long> _sent;
    private readonly List<long> _tried = [];

    public OutboxTally(OutboxBatch batch, IReadOnlyList<OutboxAnswer?> answers)
    {
        _sent = new(batch.Messages.Count);
        for (var place = 0; place < batch.Messages.Count; place++)
        {
            var message = batch.Messages[place];
            var answer = answers[place];
            if (answer is { IsSent: true })
            {
                _sent.Add(message.Id);
            }
            else if (answer is { } failure)
            {
                _tried.Add(message.Id);
                FirstFailure ??= failure;
            }

            var isAway = answer?.Outcome.Result == SendResult.Unavailable;
            if (isAway)
            {
                Away ??= answer;
                RetryAfter = answer!.Value.Outcome.RetryAfter is { } asked && !(asked < RetryAfter) ? asked : RetryAfter;
            }

            TookSome |= answer is not null && !isAway;
            if (answer is null || isAway || message.OrderKey is not null)
                Freed ??= message.Id;
        }
    }

    /// <summary>The ids of those that were sent.</summary>
    public IReadOnlyList<long> Sent => _sent;

    /// <summary>The ids of those that were tried in vain.</summary>
    public IReadOnlyList<long> Tried => _tried;

    /// <summary>The first that was tried in vain.</summary>
    public OutboxAnswer? FirstFailure { get; }

    /// <summary>The first answer by which the destination as a whole was not there.</summary>
    public OutboxAnswer? Away { get; }

    /// <summary>The longest wait that a destination asked for which was not there.</summary>
    public TimeSpan? RetryAfter { get; }

    /// <summary>The destination said something about single messages.</summary>
    public bool TookSome { get; }

    /// <summary>False: the claim was lost, and nothing was changed.</summary>
    public bool IsKept { get; set; }

    /// <summary>When the first one that failed is due.</summary>
    public TimeSpan? NextDue { get; set; }

    /// <summary>From this id up there may be something to claim, now that the claim has ended; null: nothing that was not before.</summary>
    public long? Freed { get; }
}
