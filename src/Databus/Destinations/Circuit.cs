namespace Databus.Destinations;

/// <summary>
/// Whether a destination is there. Open: it is not, and nothing is to be fetched for it until a time, after which one
/// small batch tries. Safe for concurrent use.
/// </summary>
internal sealed class Circuit(TimeProvider time)
{
    /// <summary>So many at most try whether the destination is there again. One alone might be refused for its own sake.</summary>
    public const int LargestTrial = 10;

    private static readonly TimeSpan FirstWait = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(60);

    private readonly Lock _gate = new();
    private DateTimeOffset _tryAt;
    private int _round;
    private int _failures;
    private Outage? _outage;

    /// <summary>Since when and why the destination is not there; null: it is, as far as is known.</summary>
    public Outage? Outage
    {
        get
        {
            lock (_gate)
                return _outage;
        }
    }

    /// <summary>How a send may begin now.</summary>
    public Entry Enter()
    {
        lock (_gate)
        {
            var wait = _outage is null ? TimeSpan.Zero : _tryAt - time.GetUtcNow();
            return new Entry(_round, _outage is not null, wait > TimeSpan.Zero ? wait : TimeSpan.Zero);
        }
    }

    /// <summary>The destination was not there.</summary>
    /// <param name="round">The round in which the send began.</param>
    /// <param name="tookSome">Of the same send, something got through: the waits begin anew.</param>
    /// <param name="retryAfter">The other side asks for this much patience at least.</param>
    /// <returns>It is news: the circuit was closed.</returns>
    public bool Open(int round, string reason, bool tookSome, TimeSpan? retryAfter)
    {
        lock (_gate)
        {
            var now = time.GetUtcNow();
            var isNews = _outage is null;
            if (round == _round)
            {
                _round++;
                _failures = tookSome ? 1 : _failures + 1;
                _tryAt = now + BackOff.After(_failures, FirstWait, LongestWait, Random.Shared.NextDouble(), retryAfter);
            }
            else if (isNews)
            {
                // It opened and closed since the send began, so this is old.
                return false;
            }
            else if (retryAfter is { } asked && now + asked > _tryAt)
            {
                _tryAt = now + BackOff.After(1, FirstWait, LongestWait, random: 0, asked);
            }

            _outage = new Outage(_outage?.Since ?? now, reason);
            return isNews;
        }
    }

    /// <summary>The destination answered a send that began in this round.</summary>
    /// <returns>It is news: the circuit was open.</returns>
    public bool Close(int round)
    {
        lock (_gate)
        {
            if (round != _round || _outage is null)
                return false;
            _outage = null;
            _failures = 0;
            return true;
        }
    }
}

/// <summary>A destination is not there.</summary>
/// <param name="Reason">A plain sentence for the operator.</param>
internal sealed record Outage(DateTimeOffset Since, string Reason);

/// <summary>How a send may begin.</summary>
/// <param name="Round">Counts how often the circuit opened. What began in an earlier round says nothing about this one.</param>
/// <param name="IsTrial">The circuit is open: one small batch, whose end tells more.</param>
/// <param name="Wait">Not before this long from now.</param>
internal readonly record struct Entry(int Round, bool IsTrial, TimeSpan Wait);
