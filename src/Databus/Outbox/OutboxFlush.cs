namespace Databus.Outbox;

/// <summary>Sends on demand, in the caller's process, beside whatever relays there are.</summary>
internal sealed class OutboxFlush(
    IOutboxStore store, OutboxTypes types, OutboxSends sends, OutboxLeases leases, OutboxCircuits circuits, OutboxRelay relay, OutboxOptions options, TimeProvider time)
{
    /// <summary>So often it is seen that others have ended what an ordered flush waits for.</summary>
    private static readonly TimeSpan BetweenTries = TimeSpan.FromMilliseconds(20);

    /// <summary>All types, each from its beginning to its end; so many batches of a type at once.</summary>
    public async Task<int> RunAsync(FlushOptions flush, int workers, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(workers, 1, nameof(flush));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(workers, 64, nameof(flush));
        var sums = new Sums();
        foreach (var (type, name) in await BeginAsync(flush, cancellationToken))
        {
            using var front = new Front();
            await Task.WhenAll(Enumerable.Range(0, workers).Select(_ => RunAsync(type, name, front, sums, cancellationToken)));
        }

        return sums.Result;
    }

    /// <summary>Type by type, one at a time, up to the first that is not sent.</summary>
    public async Task<int> RunInOrderAsync(FlushOptions flush, CancellationToken cancellationToken)
    {
        var sums = new Sums();
        foreach (var (type, name) in await BeginAsync(flush, cancellationToken))
        {
            await RunInOrderAsync(type, name, sums, cancellationToken);
            if (sums.HasFailed)
                break;
        }

        return sums.Result;
    }

    private async Task<List<(OutboxType Type, string Name)>> BeginAsync(FlushOptions flush, CancellationToken cancellationToken)
    {
        var chosen = flush.Types?.Select(Named).Distinct().ToList() ?? [.. types.All.Where(type => type.HasSender)];
        foreach (var type in flush.Except.Select(Named).ToList())
            chosen.Remove(type);
        if (chosen.Find(type => !type.HasSender) is { } mute)
            throw new ArgumentException($"This process has no sender for messages \"{mute.Name}\".", nameof(flush));
        await store.OpenAsync(options.Migrate, cancellationToken);
        if (flush.Wait > TimeSpan.Zero)
            await Task.Delay(flush.Wait, time, cancellationToken);
        return [.. chosen.SelectMany(type => type.Names.Select(name => (type, name)))];
    }

    private OutboxType Named(string name) =>
        types.Find(name) ?? throw new ArgumentException($"Messages \"{name}\" are not known.", nameof(name));

    private async Task RunAsync(OutboxType type, string name, Front front, Sums sums, CancellationToken cancellationToken)
    {
        long? from = null;
        for (var isMore = true; isMore && !sums.IsAway(type);)
        {
            var (claims, claimedAt) = await front.MoveAsync(
                start => ClaimAsync(new OutboxLook(name, Guid.NewGuid(), type.BatchSize, start) { IgnoresBackOff = true }, cancellationToken),
                from, cancellationToken);
            isMore = claims.Ends[0].Next is not null;
            from = null;
            if (claims.Batches.Count > 0)
            {
                // The others passed over what has a key of this batch. Nobody else comes back for it.
                if (claims.Batches[0].Messages.Any(message => message.OrderKey is not null))
                    from = claims.Ends[0].Next;
                var batch = sums.Untried(claims.Batches[0]);
                sums.Add(type, batch, await SendAsync(type, batch, claimedAt, inOrder: false, cancellationToken));
            }
        }
    }

    private async Task RunInOrderAsync(OutboxType type, string name, Sums sums, CancellationToken cancellationToken)
    {
        var token = Guid.NewGuid();
        var isHolding = false;
        try
        {
            while (!sums.HasFailed)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var look = new OutboxLook(name, token, type.BatchSize) { IgnoresBackOff = true, WholeType = true };
                var (claims, claimedAt) = await ClaimAsync(look, cancellationToken);
                if (claims.Ends[0].IsHeld)
                {
                    await Task.Delay(BetweenTries, time, cancellationToken);
                    continue;
                }

                if (claims.Batches.Count == 0)
                    return;
                isHolding = true;
                var tally = await SendAsync(type, claims.Batches[0], claimedAt, inOrder: true, cancellationToken);
                sums.Add(type, claims.Batches[0], tally);
                if (!tally.IsKept)
                {
                    // Somebody else had it meanwhile. What is still there is sent in order, from the first on.
                    token = Guid.NewGuid();
                    isHolding = false;
                }
            }
        }
        finally
        {
            if (isHolding)
            {
                await store.CompleteAsync([new OutboxCompletion(token, [])], CancellationToken.None);
                relay.Tell(lowestId: null);
            }
        }
    }

    private async Task<(OutboxClaims Claims, long ClaimedAt)> ClaimAsync(OutboxLook look, CancellationToken cancellationToken)
    {
        var claimedAt = time.GetTimestamp();
        return (await store.ClaimAsync([look], options.Lease, leases.Tokens, cancellationToken), claimedAt);
    }

    private async Task<OutboxTally> SendAsync(OutboxType type, OutboxBatch batch, long claimedAt, bool inOrder, CancellationToken cancellationToken)
    {
        // A flush tries, whatever the circuit says: somebody may know more than it does.
        var entry = circuits.Of(type).Enter();
        var tally = await sends.SendAsync(type, batch, claimedAt, entry, inOrder, keepsClaim: inOrder, cancellationToken, CancellationToken.None);
        if (!inOrder && tally.Freed is { } freed)
            relay.Tell(freed);
        cancellationToken.ThrowIfCancellationRequested();
        return tally;
    }

    /// <summary>How far the workers of a flush have come together, so that none looks again at what the others have.</summary>
    private sealed class Front : IDisposable
    {
        /// <summary>
        /// While the contents of one claim travel, the next is chosen. More at once would wait for each other in the database, each to look
        /// from where there is nothing left by then.
        /// </summary>
        private const int ClaimsAtOnce = 2;

        private readonly SemaphoreSlim _room = new(ClaimsAtOnce);
        private long _reached;

        /// <summary>Looks from there, or, when it is null, from where all have come together.</summary>
        public async Task<(OutboxClaims Claims, long ClaimedAt)> MoveAsync(
            Func<long, Task<(OutboxClaims Claims, long ClaimedAt)>> look, long? from, CancellationToken cancellationToken)
        {
            await _room.WaitAsync(cancellationToken);
            try
            {
                var seen = await look(from ?? Volatile.Read(ref _reached));
                for (var reached = Volatile.Read(ref _reached); reached < seen.Claims.Ends[0].Next;)
                    reached = Interlocked.CompareExchange(ref _reached, seen.Claims.Ends[0].Next!.Value, reached);
                return seen;
            }
            finally
            {
                _room.Release();
            }
        }

        public void Dispose() => _room.Dispose();
    }

    /// <summary>How a flush went so far.</summary>
    private sealed class Sums
    {
        private readonly Lock _gate = new();
        private readonly HashSet<OutboxType> _away = [];
        private readonly HashSet<long> _tried = [];
        private readonly HashSet<long> _underWay = [];
        private readonly HashSet<long> _sentInVain = [];
        private int _sent;
        private int _failed;
        private (string Type, OutboxAnswer Answer)? _first;

        public bool HasFailed
        {
            get
            {
                lock (_gate)
                    return _failed > 0;
            }
        }

        /// <summary>How many were sent.</summary>
        /// <exception cref="OutboxFlushException">Some could not be sent.</exception>
        public int Result
        {
            get
            {
                lock (_gate)
                {
                    return _first is not { } first ? _sent : throw new OutboxFlushException(
                        $"{_failed} messages could not be sent, {_sent} were. The first was of {first.Type}: {first.Answer.Outcome.Reason}", _sent, _failed, first.Answer.Error);
                }
            }
        }

        /// <summary>Its destination is not there: the rest need not be tried.</summary>
        public bool IsAway(OutboxType type)
        {
            lock (_gate)
                return _away.Contains(type);
        }

        /// <summary>
        /// Without what another worker of this flush has tried in vain, and what comes after it and has its key. What is left is
        /// under way until it is told how it went: its claim may be over before that.
        /// </summary>
        public OutboxBatch Untried(OutboxBatch batch)
        {
            lock (_gate)
            {
                var keys = batch.Messages.Where(WasTried).Select(message => message.OrderKey).ToHashSet(StringComparer.Ordinal);
                var untried = keys.Count == 0
                    ? batch
                    : batch with { Messages = [.. batch.Messages.Where(message => !WasTried(message) && (message.OrderKey is null || !keys.Contains(message.OrderKey)))] };
                _underWay.UnionWith(untried.Messages.Select(message => message.Id));
                return untried;
            }
        }

        private bool WasTried(ClaimedOutboxMessage message) => _tried.Contains(message.Id) || _underWay.Contains(message.Id);

        public void Add(OutboxType type, OutboxBatch batch, OutboxTally tally)
        {
            lock (_gate)
            {
                _tried.UnionWith(tally.Tried);
                _underWay.ExceptWith(batch.Messages.Select(message => message.Id));
                _sent += tally.Sent.Count(id => !_sentInVain.Contains(id));
                if (!tally.IsKept)
                    _sentInVain.UnionWith(tally.Sent);
                _failed += tally.Tried.Count;
                if (tally.Away is not null)
                    _away.Add(type);
                if (tally.FirstFailure is { } failure)
                    _first ??= (type.Name, failure);
            }
        }
    }
}
