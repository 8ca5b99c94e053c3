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
    private const int QuartzJobCount = 2000;
    private const int AtOnce = 1000;
    private const int IdleStarts = 300;

    public static async Task MeasureOnSqliteAsync(Plan plan, Report report)
    {
        using var data = new TemporaryFolder();
        await MeasureAsync(
            plan, report, "SQLite", store: null, data, idleLimit: 5, () => Task.FromResult(BareJobs.OnSqlite(data.Path, JobCount)), statements: null);
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
                enqueueRate = await EnqueueAsync(sender);
            }

            var before = statements is null ? 0 : await statements();
            var runRate = await RunAsync(store, data);

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

    private static async Task<double> EnqueueAsync(JobHost sender)
    {
        var started = Stopwatch.GetTimestamp();

        // Less than may wait to be written at once.
        foreach (var some in Enumerable.Range(0, JobCount).Select(number => new Nothing(number)).Chunk(AtOnce).Chunk(40))
            await Task.WhenAll(some.Select(jobs => sender.Jobs.EnqueueManyAsync(jobs)));
        return JobCount / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    /// <summary>All that waits is let go at once, on a host that has started before: from then to the last start.</summary>
    private static async Task<double> RunAsync(string? store, TemporaryFolder data)
    {
        await using var worker = await JobHost.StartAsync(store, data.Path, works: true);
        var started = Stopwatch.GetTimestamp();
        await worker.PauseAsync(false);
        while (worker.Starts.Count < JobCount)
        {
            if (Stopwatch.GetElapsedTime(started).TotalMinutes > 2)
                throw new TimeoutException($"{worker.Starts.Count} of {JobCount} jobs have started.");
            await Task.Delay(1);
        }

        return JobCount / Stopwatch.GetElapsedTime(started).TotalSeconds;
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
