using Databus.Subscriptions;

namespace Databus.Jobs;

/// <summary>
/// The jobs that this node has claimed, until their end is kept: how much room they leave for others, when it is worth looking
/// for those, and which of them shall have the process for itself. Safe for concurrent use.
/// </summary>
internal sealed class JobRuns
{
    /// <summary>So late at most it is seen what became claimable, should its word be lost.</summary>
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromSeconds(1);

    /// <summary>For the jobs beside a suspect to end, before it is started beside them after all.</summary>
    private static readonly TimeSpan LongestHold = TimeSpan.FromMinutes(1);

    /// <summary>Whose end the store has not taken yet: beyond this nothing more is claimed.</summary>
    private const int MostUnkept = 5000;

    private readonly JobShare[] _shares;
    private readonly Action<bool> _isBusy;
    private readonly TimeProvider _time;
    private readonly WakeUp _claimable;
    private readonly Lock _gate = new();
    private readonly Dictionary<LeaseToken, JobRun> _runs = [];

    /// <summary>How many handlers are under way.</summary>
    private int _busy;

    /// <summary>
    /// Either this job ends its workers, or one of its neighbours did: it waits until it has the process for itself, and nothing
    /// is claimed meanwhile.
    /// </summary>
    private SuspectJob? _suspect;
    private TaskCompletionSource? _idle;

    /// <summary>Nothing is claimed yet.</summary>
    /// <param name="isBusy">Told, in order and under the lock, when the first handler begins and when the last one has ended.</param>
    public JobRuns(JobShare[] shares, Action<bool> isBusy, TimeProvider time)
    {
        _shares = shares;
        _isBusy = isBusy;
        _time = time;
        _claimable = new WakeUp(time);
    }

    /// <summary>Those whose handlers are under way and waited for.</summary>
    public IReadOnlyList<JobRun> Running
    {
        get
        {
            lock (_gate)
                return [.. _runs.Values.Where(run => !run.HasEnded)];
        }
    }

    /// <summary>Those whose handlers go on beyond their time limit, and are not waited for.</summary>
    public IReadOnlyList<JobRun> Deaf
    {
        get
        {
            lock (_gate)
                return [.. _runs.Values.Where(run => run.Reason == StopReason.TimeLimit && run.HasEnded && !run.IsFree)];
        }
    }

    public bool Contains(LeaseToken token)
    {
        lock (_gate)
            return _runs.ContainsKey(token);
    }

    public bool IsSuspect(JobRun run)
    {
        lock (_gate)
            return run == _suspect?.Run;
    }

    /// <summary>How many may be claimed. None: it is not time for a look, or the claims are woken when there is room again.</summary>
    public int RoomOf(JobShare share)
    {
        lock (_gate)
        {
            var now = _time.GetTimestamp();
            share.WantsRoom |= _suspect is not null;
            if (now < share.NextLook || _suspect is not null)
                return 0;
            var room = Math.Min(share.Most - share.Busy, MostUnkept + share.Most - _runs.Count);
            share.WantsRoom = room <= 0;
            if (room > 0)
                share.NextLook = now + Ticks(BetweenLooks);
            return room;
        }
    }

    /// <summary>For more, so soon, unless it is done sooner anyway.</summary>
    public void LookAgain(JobShare share, TimeSpan wait)
    {
        lock (_gate)
            share.NextLook = Math.Min(share.NextLook, _time.GetTimestamp() + Ticks(wait));
    }

    /// <summary>For more at once, in all of these.</summary>
    public void Look(Func<JobShare, bool> which)
    {
        var looks = false;
        lock (_gate)
        {
            foreach (var share in _shares.Where(which))
            {
                share.NextLook = 0;
                share.WantsRoom = false;
                looks = true;
            }
        }

        if (looks)
            _claimable.Set();
    }

    /// <summary>Ends when it is time to look for more.</summary>
    public Task NextLookAsync(CancellationToken cancellationToken)
    {
        TimeSpan wait;
        lock (_gate)
        {
            var now = _time.GetTimestamp();
            var next = _shares.Where(share => !share.WantsRoom).Select(share => share.NextLook).Append(now + Ticks(BetweenLooks)).Min();
            wait = _time.GetElapsedTime(now, next);
        }

        return wait > TimeSpan.Zero ? _claimable.WaitAsync(wait, cancellationToken) : Task.CompletedTask;
    }

    /// <summary>They were claimed. Which of them are to be started: all but the one that shall be alone.</summary>
    public IReadOnlyList<JobRun> Add(JobShare share, IReadOnlyList<JobRun> runs)
    {
        lock (_gate)
        {
            if (_busy == 0)
                _isBusy(true);
            _busy += runs.Count;
            share.Busy += runs.Count;
            foreach (var run in runs)
            {
                _runs.Add(run.Claimed.Token, run);
                if (run.Claimed.Losses >= JobErrors.LossesOfASuspect)
                    _suspect ??= new SuspectJob(share, run, _time.GetTimestamp());
            }

            return _suspect is { } suspect ? [.. runs.Where(run => run != suspect.Run)] : runs;
        }
    }

    /// <summary>The one that is held, if it is to be started now: nothing else runs, that takes too long, or it shall end. Once.</summary>
    /// <param name="stops">Everything shall end.</param>
    /// <param name="isAlone">Nothing else runs.</param>
    public SuspectJob? TakeSuspect(bool stops, out bool isAlone)
    {
        lock (_gate)
        {
            isAlone = _busy == 1;
            if (_suspect is not { IsStarted: false } held)
                return null;
            if (!isAlone && !stops && held.Run.Reason == StopReason.None && _time.GetElapsedTime(held.HeldSince) < LongestHold)
                return null;
            held.IsStarted = true;
            return held;
        }
    }

    /// <summary>Its handler has come to its end, and others may have its room.</summary>
    public void Free(JobShare share, JobRun run)
    {
        bool looks, wasSuspect;
        lock (_gate)
        {
            run.IsFree = true;
            if (run.IsKept)
                _runs.Remove(run.Claimed.Token);
            share.Busy--;
            if (--_busy == 0)
            {
                _isBusy(false);
                _idle?.TrySetResult();
            }

            wasSuspect = run == _suspect?.Run;
            if (wasSuspect)
                _suspect = null;
            looks = wasSuspect || share.WantsRoom;
        }

        if (looks)
            Look(one => wasSuspect || one == share);
    }

    /// <summary>Its end is kept, or never will be.</summary>
    public void Forget(JobRun run)
    {
        bool looks;
        lock (_gate)
        {
            run.IsKept = true;
            if (run.IsFree)
                _runs.Remove(run.Claimed.Token);
            looks = Array.Exists(_shares, share => share.WantsRoom);
        }

        if (looks)
            Look(static share => share.WantsRoom);
    }

    /// <summary>Tells the handlers of these to stop, as far as they are here.</summary>
    public void Stop(IReadOnlyList<LeaseToken> tokens, StopReason reason)
    {
        lock (_gate)
        {
            foreach (var token in tokens)
                _runs.GetValueOrDefault(token)?.Stop(reason);
        }
    }

    /// <summary>Ends when no handler is under way.</summary>
    public Task WhenIdleAsync()
    {
        lock (_gate)
        {
            if (_busy == 0)
                return Task.CompletedTask;
            _idle ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _idle.Task;
        }
    }

    private long Ticks(TimeSpan time) => (long)(time.TotalSeconds * _time.TimestampFrequency);
}
