using Databus.Jobs;
using Databus.Storage;
using Databus.Subscriptions;
using Microsoft.Data.Sqlite;

namespace Databus.Sqlite;

/// <summary>Claims: which jobs may start now, and their starts.</summary>
internal static class JobStarts
{
    private const int MostBytes = 8 << 20;

    /// <summary>So many become due in one claim at most; and so many are looked at besides those that are started.</summary>
    private const int MostInAStep = 2000;

    public static JobClaims Claim(WriteSession session, JobClaim claim)
    {
        var claiming = new Claiming(session, claim);
        claiming.LetDueWait();
        while (claiming.TakeSome())
        {
        }

        return claiming.Finish();
    }

    /// <summary>One claim, step by step.</summary>
    private sealed class Claiming
    {
        private readonly WriteSession _session;
        private readonly JobClaim _claim;
        private readonly long _now;

        // Grows even where the clock goes back or the database came from a backup, so that no token of an earlier start is
        // ever current again.
        private readonly long _fence;
        private readonly JobLimits _limits;
        private readonly JobEnds _ends;
        private readonly string? _names;
        private readonly List<ClaimedJob> _jobs = [];
        private readonly HashSet<QueueRow> _limited = [];
        private int _looked;
        private long _bytes;
        private bool _more;

        public Claiming(WriteSession session, JobClaim claim)
        {
            _session = session;
            _claim = claim;
            _now = session.Now;
            _fence = session.NowInMicroseconds;
            _limits = new JobLimits(session, _now);
            _ends = new JobEnds(session, _limits, _now);
            _names = claim.Names is null ? null : IdList.OfNames(claim.Names);
        }

        /// <summary>What became due waits, and what a period held up may start again.</summary>
        public void LetDueWait()
        {
            var due = 0;
            using (var rows = _session.Connection[
                """
                UPDATE jobs SET state = 0
                WHERE job_id IN (SELECT job_id FROM jobs WHERE state = 1 AND due_at <= $now ORDER BY due_at LIMIT $most)
                RETURNING queue
                """].Rows(_now, MostInAStep))
            {
                for (; rows.Read(); due++)
                    _session.MayClaim(rows.GetString(0));
            }

            _more = due == MostInAStep;
            _more |= _limits.ReleaseDue();
        }

        /// <summary>True: it was worth a look, and there may be more to find.</summary>
        public bool TakeSome()
        {
            var room = _claim.Max - _jobs.Count;
            var most = Math.Max(room, Math.Min(_looked * 8, MostInAStep)) + 1;
            var (candidates, isCut) = Candidates(most);
            var starting = new List<ClaimedJob>();
            var held = new List<long>();
            var expired = new List<long>();
            var started = new Dictionary<string, int>(StringComparer.Ordinal);
            foreach (var candidate in candidates)
            {
                var job = candidate.Job;
                if (starting.Count == room || (_bytes + job.Arguments.Length > MostBytes && _jobs.Count + starting.Count > 0))
                {
                    _more = true;
                    isCut = false;
                    break;
                }

                _looked++;
                if (candidate.ExpiresAt <= _now)
                {
                    expired.Add(job.Token.Id);
                }
                else if (_session.FindQueue(job.Queue) is { HasLimit: true } queue && queue.Room(_now) <= started.GetValueOrDefault(job.Queue))
                {
                    // Its jobs wait where they are: the next claim looks at the queue, not at them.
                }
                else if (candidate.Limit is { } limit && !_limits.TryStart(limit))
                {
                    held.Add(job.Token.Id);
                }
                else
                {
                    starting.Add(job);
                    _bytes += job.Arguments.Length;
                    started[job.Queue] = started.GetValueOrDefault(job.Queue) + 1;
                }
            }

            Start(starting);
            Hold(held);
            foreach (var late in LiveJob.Find(_session.Connection, expired).Values)
                _ends.End(late, JobState.Expired, JobErrors.NotStartedInTime);
            foreach (var (name, count) in started)
            {
                if (_session.FindQueue(name) is { HasLimit: true } queue)
                    QueueTable.Started(_session, queue, count, _now);
            }

            if (!isCut)
                return false;
            if (_looked < MostInAStep + _claim.Max && starting.Count + held.Count + expired.Count > 0)
                return true;
            _more |= starting.Count + held.Count + expired.Count > 0;
            return false;
        }

        public JobClaims Finish()
        {
            _ends.Save();
            return new JobClaims(_jobs, _more, NextDueAt());
        }

        /// <summary>Those whose turn it is, over all queues; and whether a queue has more of them.</summary>
        private (List<Candidate> Candidates, bool IsCut) Candidates(int most)
        {
            var candidates = new List<Candidate>();
            var isCut = false;
            var queues = 0;
            foreach (var name in Queues())
            {
                if (_session.FindQueue(name) is { } queue)
                {
                    _limited.Add(queue);
                    if (queue.Room(_now) == 0)
                        continue;
                }

                isCut |= AddWaiting(candidates, name, most);
                queues++;
            }

            if (queues > 1)
                candidates.Sort((one, other) => one.Priority != other.Priority ? other.Priority.CompareTo(one.Priority) : one.Job.Token.Id.CompareTo(other.Job.Token.Id));
            return (candidates, isCut);
        }

        private IEnumerable<string> Queues()
        {
            if (_claim.Queues is not null)
                return _claim.Queues.Distinct(StringComparer.Ordinal).Except(_claim.Without, StringComparer.Ordinal);
            var queues = new List<string>();

            // A step of the index for each queue, however many jobs wait in it.
            for (var queue = ""; _session.Connection[
                "SELECT queue FROM jobs WHERE state = 0 AND queue > $queue ORDER BY queue LIMIT 1"].Value(queue) is string next; queue = next)
            {
                if (!_claim.Without.Contains(next, StringComparer.Ordinal))
                    queues.Add(next);
            }

            return queues;
        }

        /// <summary>True: it has more of them.</summary>
        private bool AddWaiting(List<Candidate> candidates, string queue, int most)
        {
            using var rows = _names is null
                ? _session.Connection[
                    """
                    SELECT job_id, fence, name, arguments, attempt, max_attempts, enqueued_at, due_at, trace_parent,
                        priority, expires_at, limit_key, limit_running, limit_starts, limit_per, lost
                    FROM jobs WHERE state = 0 AND queue = $queue ORDER BY priority DESC, job_id LIMIT $most
                    """].Rows(queue, most)
                : _session.Connection[
                    """
                    SELECT job_id, fence, name, arguments, attempt, max_attempts, enqueued_at, due_at, trace_parent,
                        priority, expires_at, limit_key, limit_running, limit_starts, limit_per, lost
                    FROM jobs WHERE state = 0 AND queue = $queue AND name IN (SELECT value FROM json_each($names)) ORDER BY priority DESC, job_id LIMIT $most
                    """].Rows(queue, _names, most);
            var added = 0;
            for (var bytes = 0; rows.Read(); added++)
            {
                if (bytes > MostBytes)
                    return true;
                var candidate = Read(rows, queue);
                bytes += candidate.Job.Arguments.Length;
                candidates.Add(candidate);
            }

            return added == most;
        }

        /// <summary>The job as it is once it is started.</summary>
        private Candidate Read(SqliteDataReader rows, string queue)
        {
            var job = new ClaimedJob(
                new LeaseToken(rows.GetInt64(0), Math.Max(rows.GetInt64(1) + 1, _fence)), rows.GetString(2), queue, rows.GetFieldValue<byte[]>(3),
                rows.GetInt32(4) + 1, rows.GetInt32(5), Times.FromColumn(rows.GetInt64(6)), Times.FromColumn(rows.GetInt64(7)),
                rows.IsDBNull(8) ? null : rows.GetString(8))
            {
                Losses = Math.Min(rows.GetInt32(15), JobErrors.LossesOfASuspect),
            };
            return new Candidate(job, rows.GetInt32(9))
            {
                ExpiresAt = rows.IsDBNull(10) ? null : rows.GetInt64(10),
                Limit = rows.IsDBNull(11)
                    ? null
                    : new JobLimit(rows.GetString(11), rows.GetInt32(12), rows.GetInt32(13), TimeSpan.FromMilliseconds(rows.GetInt64(14))),
            };
        }

        private void Start(List<ClaimedJob> jobs)
        {
            if (jobs.Count == 0)
                return;
            _session.Connection[
                """
                UPDATE jobs SET
                    state = 4, attempt = attempt + 1, fence = max(fence + 1, $fence), owner = $owner, started_at = $now, lease_until = $until,
                    expires_at = NULL, progress = NULL, message = NULL, lost = min(lost, $suspect)
                WHERE job_id IN (SELECT value FROM json_each($ids))
                """].Run(_fence, _claim.Owner, _now, _now + _claim.Lease?.ToColumn(), JobErrors.LossesOfASuspect, IdList.Of(jobs.Select(job => job.Token.Id)));
            _jobs.AddRange(jobs);
        }

        private void Hold(List<long> ids)
        {
            if (ids.Count > 0)
                _session.Connection["UPDATE jobs SET state = 2 WHERE job_id IN (SELECT value FROM json_each($ids))"].Run(IdList.Of(ids));
        }

        private DateTimeOffset? NextDueAt()
        {
            var next = _session.Connection[
                """
                SELECT min(at) FROM (
                    SELECT min(due_at) AS at FROM jobs WHERE state = 1
                    UNION ALL SELECT min(free_at) FROM job_limits WHERE free_at IS NOT NULL)
                """].Value() as long?;
            foreach (var queue in _limited)
            {
                if (!queue.IsPaused && queue.Room(_now) == 0 && queue.Use.NextRoomAt(queue.Per, _now) is { } roomAt && !(next <= roomAt))
                    next = roomAt;
            }

            return next is null ? null : Times.FromColumn(next.Value);
        }

        private readonly record struct Candidate(ClaimedJob Job, int Priority)
        {
            public long? ExpiresAt { get; init; }

            public JobLimit? Limit { get; init; }
        }
    }
}
