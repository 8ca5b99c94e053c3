using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Threading.Channels;
using Databus.Destinations;
using Databus.Subscriptions;

namespace Databus.Tests.Destinations;

/// <summary>A kind of destination that does with each batch what the test says, and tells of each.</summary>
internal sealed class ScriptedDestinations(TimeProvider time) : IDestinationKind
{
    private readonly Channel<Sending> _sendings = Channel.CreateUnbounded<Sending>();

    public string Name => "scripted";

    /// <summary>What becomes of a batch. At first: all of it is sent.</summary>
    public Func<Sending, Task<IReadOnlyList<SendOutcome>>> Answer { get; set; } = sending => sending.AllAsync(SendOutcome.Sent);

    /// <summary>What happens to destinations, in order: their configuration with a plus when opened and a minus when closed.</summary>
    public ConcurrentQueue<string> Openings { get; } = new();

    /// <summary>The batches under way now.</summary>
    public ConcurrentDictionary<Sending, bool> UnderWay { get; } = new();

    public bool TryRead(
        JsonElement configuration, [NotNullWhen(true)] out DestinationSettings? settings, [NotNullWhen(false)] out DestinationRefusal? refusal)
    {
        (settings, refusal) = (new DestinationSettings(Name, configuration.GetRawText()), null);
        return true;
    }

    public IDestination Open(PushSubscription subscription)
    {
        Openings.Enqueue($"+{subscription.Destination.Configuration}");
        return new Destination(this, subscription.Destination.Configuration);
    }

    /// <summary>The next batch that was not looked at yet.</summary>
    public ValueTask<Sending> NextAsync() => _sendings.Reader.ReadAsync(TestContext.Current.CancellationToken);

    /// <summary>No batch is left to look at.</summary>
    public bool IsQuiet => _sendings.Reader.Count == 0;

    private async Task<IReadOnlyList<SendOutcome>> SendAsync(Sending sending)
    {
        UnderWay[sending] = true;
        _sendings.Writer.TryWrite(sending);
        try
        {
            return await Answer(sending);
        }
        finally
        {
            UnderWay.TryRemove(sending, out _);
        }
    }

    private sealed class Destination(ScriptedDestinations kind, string configuration) : IDestination
    {
        public Task<IReadOnlyList<SendOutcome>> SendAsync(IReadOnlyList<Delivery> deliveries, CancellationToken cancellationToken) =>
            kind.SendAsync(new Sending(configuration, deliveries, kind.Time.GetUtcNow(), cancellationToken));

        public ValueTask DisposeAsync()
        {
            kind.Openings.Enqueue($"-{configuration}");
            return ValueTask.CompletedTask;
        }
    }

    private TimeProvider Time => time;
}

/// <summary>One batch that is to be sent.</summary>
internal sealed record Sending(string Configuration, IReadOnlyList<Delivery> Deliveries, DateTimeOffset At, CancellationToken Cancellation)
{
    public IEnumerable<long> Ids => Deliveries.Select(delivery => delivery.Id);

    public Task<IReadOnlyList<SendOutcome>> AllAsync(SendOutcome outcome) => EachAsync(_ => outcome);

    public Task<IReadOnlyList<SendOutcome>> EachAsync(Func<Delivery, SendOutcome> outcome) =>
        Task.FromResult<IReadOnlyList<SendOutcome>>([.. Deliveries.Select(outcome)]);

    /// <summary>Does nothing until it is cancelled, and says then that nothing arrived.</summary>
    public async Task<IReadOnlyList<SendOutcome>> HangAsync()
    {
        await Task.Delay(Timeout.InfiniteTimeSpan, Cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return await AllAsync(new SendOutcome(SendResult.Unavailable, "cancelled"));
    }

    /// <summary>Does nothing until the task ends; then all of it is sent.</summary>
    public async Task<IReadOnlyList<SendOutcome>> AfterAsync(Task task)
    {
        await task;
        return await AllAsync(SendOutcome.Sent);
    }
}
