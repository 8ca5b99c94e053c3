namespace Databus.Outbox;

/// <summary>What is parked when a message with an order key gave up.</summary>
public enum OutboxParking
{
    /// <summary>The message alone; those after it go on without it.</summary>
    Message,

    /// <summary>The message, and all that have its key wait until it is replayed or skipped.</summary>
    Key,
}

/// <summary>How long to wait before a message that failed is sent again; null: it is hopeless and is parked.</summary>
/// <param name="attempt">The one that failed; 1 is the first.</param>
public delegate TimeSpan? OutboxBackOff(int attempt);

/// <summary>How messages of one type are recorded and sent.</summary>
public sealed class OutboxMessageOptions<T>
    where T : notnull
{
    /// <summary>Names that this type had before. Messages that are still there under them are sent as well.</summary>
    public IList<string> Aliases { get; } = [];

    /// <summary>How many are claimed and given to a batch sender at once, at most. 1 to 1000; default 100.</summary>
    public int BatchSize { get; set; } = 100;

    /// <summary>How many of a batch are under way at once where the sender takes one at a time. 1 to 1000; default 16.</summary>
    public int SendsAtOnce { get; set; } = 16;

    /// <summary>
    /// Messages of this type with the same key are sent in the order of their commits, also with several processes that record and
    /// several that send. Null: it has no order. Up to 200 characters. Default: none has.
    /// </summary>
    public Func<T, string?>? OrderKey { get; set; }

    /// <summary>False: it is sent only by a flush. Default: true.</summary>
    public bool AutoFlush { get; set; } = true;

    /// <summary>How often it is sent at most before it is parked. 1 to 1000; default 10.</summary>
    public int MaxAttempts { get; set; } = 10;

    /// <summary>Default: 1 s after the first failure, twice as long each time up to 10 minutes, a fifth more or less.</summary>
    public OutboxBackOff BackOff { get; set; } = static attempt => Destinations.BackOff.After(
        attempt, TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(10), Random.Shared.NextDouble());

    /// <summary>Default: the message alone.</summary>
    public OutboxParking Parks { get; set; } = OutboxParking.Message;

    /// <summary>
    /// How long one call of the sender may take before it is cancelled, and has failed unless it says otherwise within 2 s. Default 30 s.
    /// </summary>
    public TimeSpan SendTimeLimit { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long what was sent is kept in the table <c>sent</c>. Default: none is.</summary>
    public TimeSpan KeepSentFor { get; set; }

    /// <summary>
    /// The destination, which types may share: when a send finds that it is not there, none of them is sent for a while.
    /// Default: the type's name.
    /// </summary>
    public string? Destination { get; set; }

    /// <summary>
    /// Where the content is kept if not in the outbox table itself: in a table of its own, with child rows if need be.
    /// Default: in the outbox table.
    /// </summary>
    public Func<IServiceProvider, IOutboxContents<T>>? Contents { get; set; }
}
