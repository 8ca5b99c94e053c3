using Microsoft.Extensions.Logging;

namespace Databus.Outbox;

/// <summary>
/// Keeps the claims of this process alive while their messages are on the way. A claim of which that cannot be said any more is given
/// up in time: what was not sent by then is not sent by us.
/// </summary>
internal sealed partial class OutboxLeases(IOutboxStore store, TimeSpan lease, TimeProvider time, ILogger<OutboxLeases> logger)
{
    private const double ShareUntilRenewal = 0.3;
    private const double ShareOfPatience = 0.4;

    /// <summary>So much of a lease after its last renewal, nothing more is begun under it.</summary>
    private const double ShareOfTrust = 0.8;

    private readonly Lock _gate = new();
    private readonly Dictionary<Guid, Held> _held = [];
    private bool _isRunning;

    public TimeSpan Lease => lease;

    /// <summary>The claims that are kept.</summary>
    public IReadOnlyCollection<Guid> Tokens
    {
        get
        {
            lock (_gate)
                return [.. _held.Keys];
        }
    }

    /// <summary>Keeps this claim until the result is disposed.</summary>
    /// <param name="claimedAt">The timestamp from before the claim was asked for.</param>
    public Held Hold(Guid token, long claimedAt)
    {
        var held = new Held(this, token, claimedAt);
        lock (_gate)
        {
            _held[token] = held;
            if (!_isRunning)
            {
                _isRunning = true;

                // Not in the ambient transaction of whoever flushes.
                using (ExecutionContext.SuppressFlow())
                    _ = Task.Run(RenewAsync);
            }
        }

        return held;
    }

    private async Task RenewAsync()
    {
        while (true)
        {
            await Task.Delay(lease * ShareUntilRenewal, time);
            Guid[] tokens;
            lock (_gate)
            {
                if (_held.Count == 0)
                {
                    _isRunning = false;
                    return;
                }

                tokens = [.. _held.Keys];
            }

            var asked = time.GetTimestamp();
            try
            {
                using var patience = new CancellationTokenSource(lease * ShareOfPatience, time);
                var lost = await store.RenewAsync(tokens, lease, patience.Token);
                lock (_gate)
                {
                    foreach (var token in tokens)
                    {
                        if (_held.TryGetValue(token, out var held))
                            held.Renewed(asked, isLost: lost.Contains(token));
                    }
                }
            }
            catch (Exception error)
            {
                // Whatever it is, it is asked again: without this loop no claim would ever be renewed. Whoever sends looks at how old the
                // last answer is.
                LogNotRenewed(tokens.Length, error);
            }
        }
    }

    private void Release(Guid token)
    {
        lock (_gate)
            _held.Remove(token);
    }

    /// <summary>A claim that is kept alive.</summary>
    internal sealed class Held(OutboxLeases leases, Guid token, long renewedAt) : IDisposable
    {
        private long _renewedAt = renewedAt;
        private volatile bool _isLost;

        /// <summary>Nobody else has it, for some time to come.</summary>
        public bool IsOurs => !_isLost && leases.Passed(Volatile.Read(ref _renewedAt)) < leases.Lease * ShareOfTrust;

        public void Renewed(long asked, bool isLost)
        {
            _isLost |= isLost;
            Volatile.Write(ref _renewedAt, asked);
        }

        public void Dispose() => leases.Release(token);
    }

    private TimeSpan Passed(long since) => time.GetElapsedTime(since);

    [LoggerMessage(EventId = 71, Level = LogLevel.Warning, Message = "Outbox: {Count} claims could not be renewed; it is tried again")]
    private partial void LogNotRenewed(int count, Exception error);
}
