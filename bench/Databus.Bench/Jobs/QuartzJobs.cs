using System.Diagnostics;
using System.Globalization;
using Quartz;

namespace Databus.Bench.Jobs;

/// <summary>The same no-op jobs run by Quartz.NET on the same database, with batches and room for as many at once as it likes.</summary>
internal static class QuartzJobs
{
    private const int AtOnce = 64;
    private const int JobsPerCall = 500;

    public static async Task<double> OnPostgresAsync(string connectionString, int jobs)
    {
        var builder = QuartzSchedulerBuilder.Create(quartz => quartz
            .ConfigureScheduler(scheduler =>
            {
                scheduler.MaxBatchSize = AtOnce;
                scheduler.BatchTriggerAcquisitionFireAheadTimeWindow = TimeSpan.FromSeconds(1);
            })
            .UseDefaultThreadPool(AtOnce)
            .UsePersistentStore(store => store
                .UsePostgres(connectionString)
                .UseSystemTextJsonSerializer()
                .ConfigureStore(options => options.AcquireTriggersWithinLock = true)
                .ProvisionSchema()));
        var scheduler = await builder.BuildScheduler();
        await scheduler.Clear();
        foreach (var some in Enumerable.Range(0, jobs).Chunk(JobsPerCall))
        {
            var toRun = some.ToDictionary(
                number => JobBuilder.Create<CountingJob>().WithIdentity(number.ToString(CultureInfo.InvariantCulture)).UsingJobData("number", number).Build(),
                IReadOnlyCollection<ITrigger> (number) => [TriggerBuilder.Create().WithIdentity(number.ToString(CultureInfo.InvariantCulture)).StartNow().Build()]);
            await scheduler.ScheduleJobs(toRun);
        }

        CountingJob.Count = 0;
        var started = Stopwatch.GetTimestamp();
        await scheduler.Start();
        while (Volatile.Read(ref CountingJob.Count) < jobs)
        {
            if (Stopwatch.GetElapsedTime(started).TotalMinutes > 2)
                throw new TimeoutException($"{CountingJob.Count} of {jobs} jobs have started.");
            await Task.Delay(1);
        }

        var rate = jobs / Stopwatch.GetElapsedTime(started).TotalSeconds;
        await scheduler.Shutdown();
        return rate;
    }

    internal sealed class CountingJob : IJob
    {
        public static int Count;

        public ValueTask Execute(IJobExecutionContext context, CancellationToken cancellationToken = default)
        {
            Interlocked.Increment(ref Count);
            return ValueTask.CompletedTask;
        }
    }
}
