namespace Databus.Postgres;

/// <summary>
/// How far this node has seen each queue to be claimed. While a transaction is open somewhere, the index keeps an entry of
/// every job that was started since, and whoever looks from its beginning passes them all; so a claim looks from here.
/// What appears below is told (<see cref="Lower"/>) by whoever put it there, and a look at everything from time to time finds
/// what nobody told of.
/// </summary>
internal sealed class ClaimFloors
{
    private const int Priorities = 3;

    /// <summary>In ms.</summary>
    private const long BetweenFullLooks = 3000;

    /// <summary>However long one took: what nobody told of waits until then.</summary>
    private const long LongestBetweenFullLooks = 5000;

    /// <summary>Until that is reached, a full look takes at most one part in so many of the time.</summary>
    private const int ShareOfFullLooks = 20;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Floor> _floors = new(StringComparer.Ordinal);
    private long _nextFullLook;

    /// <summary>No delayed job that nobody promoted yet was due before, as far as is known.</summary>
    public long DueFrom { get; set; }

    /// <summary>There is something from this id up.</summary>
    public void Lower(string queue, long id)
    {
        if (id == JobEffects.Later)
            return;
        lock (_gate)
        {
            var floor = FloorOf(queue);
            floor.Tell(id);
            for (var priority = 0; priority < Priorities; priority++)
                floor.Ids[priority] = Math.Min(floor.Ids[priority], id);
        }
    }

    /// <summary>True: it is time for a look at everything, and the caller has to do it.</summary>
    public bool TakeFullLook()
    {
        lock (_gate)
        {
            if (Database.Uptime() < _nextFullLook)
                return false;
            _nextFullLook = Database.Uptime() + BetweenFullLooks;
            return true;
        }
    }

    /// <summary>A full look took so many milliseconds; null: it failed.</summary>
    public void FullLookTook(long? milliseconds)
    {
        lock (_gate)
            _nextFullLook = milliseconds is { } took ? Database.Uptime() + Math.Clamp(took * ShareOfFullLooks, BetweenFullLooks, LongestBetweenFullLooks) : 0;
    }

    /// <summary>Something may have come that this node was not told of.</summary>
    public void LookAtAllNext()
    {
        lock (_gate)
            _nextFullLook = 0;
    }

    public void LearnQueues(IEnumerable<string> queues)
    {
        lock (_gate)
        {
            foreach (var queue in queues)
                FloorOf(queue);
        }
    }

    /// <summary>Something came, or comes, to these queues.</summary>
    public void Learn(JobEffects effects)
    {
        LearnQueues(effects.Woken.Keys);
        foreach (var (queue, id) in effects.Woken)
            Lower(queue, id);
    }

    /// <summary>Where to look.</summary>
    /// <param name="queues">Null: in all that are known.</param>
    /// <param name="full">From the beginning.</param>
    public Look From(IReadOnlyCollection<string>? queues, IReadOnlySet<string> without, bool full)
    {
        lock (_gate)
        {
            var look = new Look();
            foreach (var queue in (queues?.Distinct(StringComparer.Ordinal) ?? _floors.Keys).Where(queue => !without.Contains(queue)))
            {
                var floor = _floors.GetValueOrDefault(queue);
                for (short priority = Priorities - 1; priority >= 0; priority--)
                    look.Add(queue, priority, full || floor is null ? 0 : floor.Ids[priority], floor?.Changes ?? 0);
            }

            return look;
        }
    }

    /// <summary>The first that was there to see at this place of a look. What was told of since the look began may be below.</summary>
    public void Raise(Look look, int place, long id)
    {
        lock (_gate)
        {
            var floor = FloorOf(look.Queues[place]);
            if (floor.LowestToldSince(look.Changes[place]) is { } told)
                floor.Ids[look.Priorities[place]] = Math.Min(id, told);
        }
    }

    private Floor FloorOf(string queue)
    {
        if (!_floors.TryGetValue(queue, out var floor))
            _floors.Add(queue, floor = new Floor());
        return floor;
    }

    private sealed class Floor
    {
        private const int Remembered = 64;
        private readonly long[] _told = new long[Remembered];

        public long[] Ids { get; } = new long[Priorities];

        public long Changes { get; private set; }

        public void Tell(long id) => _told[Changes++ % Remembered] = id;

        /// <summary>Null: too much was told since.</summary>
        public long? LowestToldSince(long changes)
        {
            if (Changes - changes > Remembered)
                return null;
            var lowest = long.MaxValue;
            for (var change = changes; change < Changes; change++)
                lowest = Math.Min(lowest, _told[change % Remembered]);
            return lowest;
        }
    }

    /// <summary>Queues and priorities to look at, each from an id up.</summary>
    internal sealed class Look
    {
        public List<string> Queues { get; } = [];

        public List<short> Priorities { get; } = [];

        public List<long> Ids { get; } = [];

        public List<long> Changes { get; } = [];

        public void Add(string queue, short priority, long id, long changes)
        {
            Queues.Add(queue);
            Priorities.Add(priority);
            Ids.Add(id);
            Changes.Add(changes);
        }
    }
}
