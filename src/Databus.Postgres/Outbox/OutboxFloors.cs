using Databus.Outbox;

namespace Databus.Postgres.Outbox;

/// <summary>
/// Below which ids nothing is: there lie the dead entries of all that was sent since the oldest transaction began that is open anywhere in
/// the database, and whoever looks from the beginning passes them all (decision 0004).
/// </summary>
/// <remarks>
/// That nothing is seen below an id does not say that nothing will come: a transaction that has recorded may still be open. So what the
/// sequence had reached is remembered, and counts once all transactions that had begun by then have ended. All of it holds for this start of
/// the server and this table only: another one may have taken its place and know less.
/// </remarks>
internal sealed class OutboxFloors
{
    /// <summary>SQL: for what the floors hold.</summary>
    public const string Identity = "concat(pg_postmaster_start_time(), ' ', 'databus_outbox.message'::regclass::oid)";

    private readonly Lock _gate = new();
    private readonly Dictionary<string, long> _floors = new(StringComparer.Ordinal);
    private string _server = "";
    private long _lowestClaim;
    private long _safe;
    private Reached? _reached;

    /// <summary>From where to look, as it is known now.</summary>
    public View For(IReadOnlyList<OutboxLook> looks)
    {
        lock (_gate)
            return new View(_server, _lowestClaim, [.. looks.Select(look => _floors.GetValueOrDefault(look.Type))], _safe, _reached);
    }

    /// <summary>What a claim saw that looked from there.</summary>
    public void Learn(View view, Sight sight, IReadOnlyList<OutboxLook> looks)
    {
        lock (_gate)
        {
            // Ids that are given again, as after a restore, are below floors that held for those before.
            var goesBack = sight.LastId < Math.Max(view.Safe, view.Reached?.LastId ?? 0);
            if (sight.Server != _server || goesBack)
            {
                _server = sight.Server;
                _floors.Clear();
                (_lowestClaim, _safe, _reached) = (0, 0, null);
            }

            // Looked with what was known of another server, or before this one was known: so not from here.
            if (view.Server != _server || goesBack)
                return;
            _lowestClaim = Math.Max(_lowestClaim, sight.LowestClaim);
            for (var place = 0; place < looks.Count; place++)
            {
                var floor = Math.Min(sight.LowestFresh[place] ?? long.MaxValue, view.Safe + 1);
                _floors[looks[place].Type] = Math.Max(_floors.GetValueOrDefault(looks[place].Type), floor);
            }

            if (_reached is null)
                _reached = new Reached(sight.LastId);
            else if (_reached.Before is { } before && sight.OldestTransaction >= before)
                (_safe, _reached) = (_reached.LastId, new Reached(sight.LastId));
            else if (_reached.Before is null && view.Reached == _reached)
                _reached.Before = sight.NextTransaction;
        }
    }

    /// <summary>From where a claim looks.</summary>
    /// <param name="Server">The start of the server for which this holds.</param>
    /// <param name="LowestClaim">No live claim has a lower id; claims get their ids under the lock.</param>
    /// <param name="Floors">Of each look: no message that never failed has a lower id.</param>
    internal sealed record View(string Server, long LowestClaim, long[] Floors, long Safe, Reached? Reached);

    /// <summary>What a claim saw.</summary>
    /// <param name="LowestFresh">Of each look the first message that never failed, from the floor up.</param>
    /// <param name="LastId">The last id given to any message, read after the snapshot was taken.</param>
    /// <param name="OldestTransaction">All before it have ended.</param>
    /// <param name="NextTransaction">
    /// The one that looked: those after it had no id yet. A snapshot's end will not do, for ids above it may have been given already.
    /// </param>
    internal sealed record Sight(string Server, long LowestClaim, long?[] LowestFresh, long LastId, long OldestTransaction, long NextTransaction);

    /// <summary>What the sequence had reached at some time.</summary>
    internal sealed class Reached(long lastId)
    {
        public long LastId => lastId;

        /// <summary>Ids up to there were given to transactions before this one; null: not asked yet.</summary>
        public long? Before { get; set; }
    }
}
