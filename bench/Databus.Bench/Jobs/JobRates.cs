using System.Diagnostics;
using System.Globalization;
using Databus.Bench.Postgres;
using Databus.Testing;
using Databus.Testing.Servers;

namespace Databus.Bench.Jobs;

/// <summary>No-op jobs on both stores, counted inside the handler, beside a bare loop that claims and completes rows.</summary>
internal static class JobRates
{
    private const int JobCount = 100_000;
    private const int LimitedJobCount = 40_000;
    private const int Delayed = 1_000_000;
    private const int Ended = 10_000_000;
    private const int QuartzJobCount = 2000;
    private const int AtOnce = 1000;
    private const int IdleStarts = 300;

    /// <summary>In ms; far from now.</summary>
    private const long Later = 4_000_000_000_000;
    private const string Some = "{\"number\":1}";

    public static async Task MeasureOnSqliteAsync(Plan plan, Report report)
    {
        using var data = new TemporaryFolder();
        await MeasureAsync(
            plan, report, "SQLite", store: null, data, idleLimit: 5, () => Task.FromResult(BareJobs.OnSqlite(data.Path, JobCount)), statements: null);
        await MeasureLimitsAsync(plan, report, "SQLite", store: null, data);
        await MeasureBesideOthersAsync(plan, report, "SQLite", store: null, data, () =>
        {
            BareJobs.RunOnSqlite(
                Path.Combine(data.Path, "databus.db"),
                $"""
                WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {Ended})
                INSERT INTO ended_jobs (job_id, name, queue, priority, state, attempt, max_attempts, fence, enqueued_at, due_at, started_at, ended_at, keep_for, owner,
                    limit_running, limit_starts, limit_per, arguments, result)
                SELECT n - {Ended}, 'nothing', 'default', 1, 10, 1, 10, n, 0, 0, 0, 0, {long.MaxValue}, 'somebody', 0, 0, 0, CAST('{Some}' AS BLOB), CAST('{Some}' AS BLOB) FROM n;
                WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {Delayed})
                INSERT INTO jobs (name, queue, priority, state, max_attempts, enqueued_at, due_at, keep_for, arguments)
                SELECT 'nothing', 'default', 1, 1, 10, 0, {Later} + n, 1, CAST('{Some}' AS BLOB) FROM n
                """);
            return Task.CompletedTask;
        });
    }

    public static async Task MeasureOnPostgresAsync(Plan plan, Report report)
    {
        await using var postgres = await PostgresServer.StartAsync(OnPostgres.Settings);
        await postgres.ExecuteAsync("CREATE EXTENSION pg_stat_statements");
        var bare = postgres.ConnectionString(await postgres.CreateDatabaseAsync());
        using var data = new TemporaryFolder();
        var run = await MeasureAsync(
            plan, report, "PostgreSQL", postgres.ConnectionString(), data, idleLimit: 20, () => BareJobs.OnPostgresAsync(bare, JobCount),
            async () => long.Parse(
                await postgres.ExecuteAsync(
                    "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements WHERE dbid = (SELECT oid FROM pg_database WHERE datname = 'databus')"),
                CultureInfo.InvariantCulture));
        await MeasureLimitsAsync(plan, report, "PostgreSQL", postgres.ConnectionString(), data);
        await MeasureBesideOthersAsync(plan, report, "PostgreSQL", postgres.ConnectionString(), data, () => postgres.ExecuteAsync(
            $"""
            INSERT INTO databus.ended_jobs (job_id, name, queue, priority, state, attempt, max_attempts, fence, enqueued_at, due_at, started_at, ended_at, keep_for, owner,
                limit_running, limit_starts, limit_per, arguments, result)
            SELECT n - {Ended}, 'nothing', 'default', 1, 10, 1, 10, n, 0, 0, 0, 0, {long.MaxValue}, 'somebody', 0, 0, 0, '{Some}', '{Some}' FROM generate_series(1, {Ended}) n;
            INSERT INTO databus.jobs (name, queue, priority, state, max_attempts, enqueued_at, due_at, keep_for, arguments)
            SELECT 'nothing', 'default', 1, 1, 10, 0, {Later} + n, 1, '{Some}' FROM generate_series(1, {Delayed}) n
            """));
        var quartz = await QuartzJobs.OnPostgresAsync(postgres.ConnectionString(await postgres.CreateDatabaseAsync()), QuartzJobCount);
        report.Add(new Figure("PostgreSQL: no-op jobs run", "jobs/s", run, "Quartz.NET on the same server", quartz, Limit.AtLeast(10)));
    }

    /// <summary>Jobs run a second.</summary>
    private static async Task<double> MeasureAsync(
        Plan plan, Report report, string on, string? store, TemporaryFolder data, double idleLimit, Func<Task<double>> bare, Func<Task<long>>? statements)
    {
        List<double> enqueued = [], run = [], baseline = [], perJob = [];
        for (var round = 0; round <= plan.Rounds; round++)
        {
            var loop = await bare();
            double enqueueRate;
            await using (var sender = await JobHost.StartAsync(store, data.Path, works: false))
            {
                await sender.PauseAsync(true);
                enqueueRate = await EnqueueAsync(sender, JobCount, number => new Nothing(number));
            }

            var before = statements is null ? 0 : await statements();
            var runRate = await RunAsync(store, data, JobCount);

            // The first round warms up.
            if (round == 0)
                continue;
            enqueued.Add(enqueueRate);
            run.Add(runRate);
            baseline.Add(loop);
            if (statements is not null)
                perJob.Add((await statements() - before) / (double)JobCount);
        }

        report.Add(new Figure($"{on}: no-op jobs run", "jobs/s", Median.Of(run), "claim and complete, one connection, 500 at once", Median.Of(baseline), Limit.AtLeast(0.7)));
        report.Add(new Figure($"{on}: jobs enqueued, 1000 at once", "jobs/s", Median.Of(enqueued), null, null, null));
        if (perJob.Count > 0)
            report.Add(new Figure($"{on}: statements a job", "", Median.Of(perJob), null, null, Limit.AtMost(0.1)));

        await using var idle = await JobHost.StartAsync(store, data.Path, works: true);
        var times = await IdleAsync(idle);
        report.Add(new Figure($"{on}: idle, enqueued to started, median", "ms", Median.Of(times), null, null, null));
        report.Add(new Figure($"{on}: idle, enqueued to started, p99", "ms", Median.Percentile(times, 0.99), null, null, Limit.AtMost(idleLimit)));
        return Median.Of(run);
    }

    /// <summary>Enqueued and run, one after the other, with and without what is to be kept to.</summary>
    private static async Task MeasureLimitsAsync(Plan plan, Report report, string on, string? store, TemporaryFolder data)
    {
        List<double> free = [], unique = [], limited = [], rated = [];
        for (var round = 0; round < plan.Rounds; round++)
        {
            free.Add(await EnqueueAndRunAsync(store, data, number => new Nothing(number)));
            unique.Add(await EnqueueAndRunAsync(store, data, number => new UniqueNothing(number)));
            limited.Add(await EnqueueAndRunAsync(store, data, number => new LimitedNothing(number)));
            rated.Add(await EnqueueAndRunAsync(store, data, number => new RatedNothing(number)));
        }

        const string baseline = "the same jobs without";
        report.Add(new Figure($"{on}: enqueued and run, unique", "jobs/s", Median.Of(unique), baseline, Median.Of(free), Limit.AtLeast(0.8)));
        report.Add(new Figure($"{on}: enqueued and run, at most 1000 of a key at once", "jobs/s", Median.Of(limited), baseline, Median.Of(free), Limit.AtLeast(0.8)));
        report.Add(new Figure($"{on}: enqueued and run, at most 10 000 of a key a second", "jobs/s", Median.Of(rated), baseline, Median.Of(free), Limit.AtLeast(0.8)));
    }

    private static async Task<double> EnqueueAndRunAsync<TJob>(string? store, TemporaryFolder data, Func<int, TJob> job)
        where TJob : notnull
    {
        double enqueueRate;
        await using (var sender = await JobHost.StartAsync(store, data.Path, works: false))
        {
            await sender.PauseAsync(true);
            enqueueRate = await EnqueueAsync(sender, LimitedJobCount, job);
        }

        return 1 / ((1 / enqueueRate) + (1 / await RunAsync(store, data, LimitedJobCount)));
    }

    /// <summary>The same jobs before and after many others are there that are not theirs to pass.</summary>
    /// <param name="fill">Brings the others, while no host runs.</param>
    private static async Task MeasureBesideOthersAsync(Plan plan, Report report, string on, string? store, TemporaryFolder data, Func<Task> fill)
    {
        List<double> alone = [], beside = [];
        for (var round = 0; round < plan.Rounds; round++)
            alone.Add(await EnqueueAndRunAsync(store, data, number => new Nothing(number)));
        await fill();
        for (var round = 0; round < plan.Rounds; round++)
            beside.Add(await EnqueueAndRunAsync(store, data, number => new Nothing(number)));
        report.Add(new Figure(
            $"{on}: enqueued and run, beside 1 M delayed and 10 M ended", "jobs/s", Median.Of(beside), "the same jobs before", Median.Of(alone), Limit.AtLeast(0.8)));
    }

    private static async Task<double> EnqueueAsync<TJob>(JobHost sender, int count, Func<int, TJob> job)
        where TJob : notnull
    {
        var started = Stopwatch.GetTimestamp();

        // Less than may wait to be written at once.
        foreach (var some in Enumerable.Range(0, count).Select(job).Chunk(AtOnce).Chunk(40))
            await Task.WhenAll(some.Select(jobs => sender.Jobs.EnqueueManyAsync(jobs)));
        return count / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    /// <summary>All that waits is let go at once, on a host that has started before: from then to the last start.</summary>
    private static async Task<double> RunAsync(string? store, TemporaryFolder data, int count)
    {
        await using var worker = await JobHost.StartAsync(store, data.Path, works: true);
        var started = Stopwatch.GetTimestamp();
        await worker.PauseAsync(false);
        while (worker.Starts.Count < count)
        {
            if (Stopwatch.GetElapsedTime(started).TotalMinutes > 2)
                throw new TimeoutException($"{worker.Starts.Count} of {count} jobs have started.");
            await Task.Delay(1);
        }

        return count / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    private static async Task<IReadOnlyList<double>> IdleAsync(JobHost host)
    {
        var times = new List<double>();
        for (var number = 0; number < IdleStarts; number++)
        {
            await Task.Delay(5);
            var reached = host.Starts.After(1);
            var asked = Stopwatch.GetTimestamp();
            await host.Jobs.EnqueueAsync(new Nothing(number));
            times.Add(Stopwatch.GetElapsedTime(asked, await reached).TotalMilliseconds);
        }

        return times;
    }
}
