namespace Databus.Outbox;

/// <summary>How the outbox runs in this process.</summary>
public sealed class OutboxOptions
{
    /// <summary>
    /// Sends in the background, right after each commit. False: this process records, and others send; it flushes on demand all the
    /// same. Default: true.
    /// </summary>
    public bool Relay { get; set; } = true;

    /// <summary>
    /// Creates the tables, and brings them up to date, when the host starts. False: they are there already; the SQL is what the
    /// store's package has in <c>Outbox/Migrations</c>. Default: true.
    /// </summary>
    public bool Migrate { get; set; } = true;

    /// <summary>How many batches of one type are under way at once in this process. 1 to 64; default 4.</summary>
    public int BatchesAtOnce { get; set; } = 4;

    /// <summary>
    /// How long after a relay died what it had claimed comes again. Renewed while it sends, so it may be shorter than a send.
    /// 2 s to 10 minutes; default 10 s.
    /// </summary>
    public TimeSpan Lease { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// When the host stops, sends that are under way have this long to end, then 2 s to say what they had done, and the database 2 s to
    /// keep it. Default 5 s.
    /// </summary>
    public TimeSpan DrainTime { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How long the inbox remembers which messages were handled. Default 14 days.</summary>
    public TimeSpan KeepHandledFor { get; set; } = TimeSpan.FromDays(14);

    /// <summary>The health check is degraded when something has been pending for longer than this. Default 5 minutes.</summary>
    public TimeSpan LongestHealthyWait { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>How often a relay looks for what nobody told of. Tests make it long, to see what comes without it. Default 1 s.</summary>
    internal TimeSpan BetweenFullLooks { get; set; } = TimeSpan.FromSeconds(1);
}
