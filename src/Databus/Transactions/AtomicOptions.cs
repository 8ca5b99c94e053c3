using System.Data;

namespace Databus.Transactions;

/// <summary>How a function runs in a transaction, and when it runs again.</summary>
public sealed record AtomicOptions
{
    internal static readonly AtomicOptions Default = new();

    /// <summary>How often it runs at most, the first time included: 1 to 100. Default 10.</summary>
    public int MaxAttempts { get; init; } = 10;

    /// <summary>The wait after the first failure; it doubles with each further one, a fifth more or less. 0 to 1 minute. Default 10 ms.</summary>
    public TimeSpan FirstWait { get; init; } = TimeSpan.FromMilliseconds(10);

    /// <summary>No wait is longer, but for the fifth: 0 to 1 minute. Default 1 s.</summary>
    public TimeSpan LongestWait { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The isolation of the transaction. Default: the database's own.</summary>
    public IsolationLevel Isolation { get; init; } = IsolationLevel.Unspecified;

    /// <summary>
    /// Whether a violated constraint (SQLSTATE class 23) makes the function run again, because somebody else was quicker to insert
    /// what it looked for and will find the next time. Default false: the error reaches the caller.
    /// </summary>
    public bool RetriesIntegrityErrors { get; init; }

    /// <summary>What is wrong with these options, as a sentence, or null.</summary>
    internal string? FindMistake()
    {
        var minute = TimeSpan.FromMinutes(1);
        if (MaxAttempts is < 1 or > 100)
            return "MaxAttempts is from 1 to 100.";
        if (FirstWait < TimeSpan.Zero || FirstWait > minute)
            return "FirstWait is from 0 to 1 minute.";
        return LongestWait < TimeSpan.Zero || LongestWait > minute ? "LongestWait is from 0 to 1 minute." : null;
    }
}
