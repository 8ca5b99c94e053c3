using System.Globalization;
using Databus.Jobs;

namespace Databus.Postgres.Tests;

/// <summary>
/// What a statement costs for each job does not grow with how many it is about. Counted in the processor time of the
/// database's own processes and beside what enqueueing took of it, which do not depend on how busy the machine is.
/// </summary>
public sealed class JobProcessorTimeTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task To_let_many_start_that_come_after_one_costs_about_what_it_cost_to_enqueue_them()
    {
        const int count = 60_000;
        await using var nodes = await TwoNodes.OpenAsync();
        var first = await nodes.A.Jobs.EnqueueAsync([new NewJob("work", "{}"u8.ToArray())], Cancellation);
        var running = (await nodes.A.Jobs.ClaimAsync(new JobClaim("a", Queues: null, 1), Cancellation)).Jobs;
        var enqueueing = await MeasureAsync(nodes, () => nodes.A.Jobs.EnqueueAsync(
            [.. Enumerable.Range(0, count).Select(_ => new NewJob("work", "{}"u8.ToArray()) { After = [JobReference.ById(first[0].Id)] })], Cancellation));
        var ending = await MeasureAsync(nodes, () => nodes.A.Jobs.CompleteAsync(
            [new JobCompletion(running[0].Token, JobOutcome.Succeeded)], Cancellation));
        Assert.Equal(count, (await nodes.A.Jobs.ListQueuesAsync(Cancellation))[0].Counts[JobState.Waiting]);
        Assert.True(ending < 2.5 * enqueueing, $"{ending.TotalMilliseconds} ms for what was enqueued in {enqueueing.TotalMilliseconds} ms");
    }

    private static async Task<TimeSpan> MeasureAsync(TwoNodes nodes, Func<Task> work)
    {
        var before = await ProcessorTimeAsync(nodes);
        await work();
        return await ProcessorTimeAsync(nodes) - before;
    }

    private static async Task<TimeSpan> ProcessorTimeAsync(TwoNodes nodes)
    {
        var processes = await nodes.Server.ExecuteAsync(
            "SELECT string_agg(pid::text, ' ') FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()",
            nodes.DatabaseName);
        var nanoseconds = 0L;
        foreach (var process in processes.Split(' '))
            nanoseconds += long.Parse((await File.ReadAllTextAsync($"/proc/{process}/schedstat", Cancellation)).Split(' ')[0], CultureInfo.InvariantCulture);
        return TimeSpan.FromMicroseconds(nanoseconds / 1000.0);
    }
}
