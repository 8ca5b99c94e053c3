using System.Text;
using System.Text.Json;
using Databus.Jobs;

namespace Databus.Tests.Jobs;

public sealed class JobClientTests : IAsyncLifetime
{
    private static readonly EnqueueOptions Later = new() { Delay = TimeSpan.FromHours(1) };

    private JobNode? _node;

    private JobNode Node => _node!;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        if (_node is not null)
            await _node.DisposeAsync();
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task A_job_has_the_options_of_its_kind_unless_something_else_is_said()
    {
        await StartAsync(work =>
        {
            (work.Queue, work.Priority, work.MaxAttempts) = ("slow", JobPriority.Low, 3);
            (work.KeepFor, work.ExpiresAfter, work.UniqueFor) = (TimeSpan.FromHours(1), TimeSpan.FromHours(2), TimeSpan.FromHours(3));
            work.UniqueKey = job => $"{job.Number}";
            work.Limit = job => new JobLimit($"limit {job.Number}", MaxRunning: 2);
        });
        var job = Node.Client.Describe(new Work(7));
        Assert.Equal(("work", "slow", JobPriority.Low, 3), (job.Name, job.Queue, job.Priority, job.MaxAttempts));
        Assert.Equal((TimeSpan.FromHours(1), TimeSpan.FromHours(2), TimeSpan.FromHours(3)), (job.KeepFor, job.ExpiresAfter, job.UniqueFor));
        Assert.Equal(("work:7", new JobLimit("limit 7", 2)), (job.UniqueKey, job.Limit));

        // From JSON, it is the same job, with the JSON as it was given.
        var raw = Node.Client.Describe("work", """{ "number": 7 }"""u8.ToArray());
        Assert.Equal("""{ "number": 7 }""", Encoding.UTF8.GetString(raw.Arguments));
        Assert.Equal(job with { Arguments = [], After = [] }, raw with { Arguments = [], After = [] });

        var other = Node.Client.Describe(new Work(7), new EnqueueOptions
        {
            Queue = "fast",
            Priority = JobPriority.High,
            MaxAttempts = 1,
            KeepFor = TimeSpan.Zero,
            ExpiresAfter = TimeSpan.FromDays(1),
            UniqueKey = "k",
            UniqueFor = TimeSpan.FromDays(2),
            Limit = new JobLimit("other", 1),
            Delay = TimeSpan.FromSeconds(1),
            After = [3, 4],
            AfterAnyEnd = true,
        });
        Assert.Equal(("fast", JobPriority.High, 1, TimeSpan.Zero), (other.Queue, other.Priority, other.MaxAttempts, other.KeepFor));
        Assert.Equal((TimeSpan.FromDays(1), "work:k", TimeSpan.FromDays(2)), (other.ExpiresAfter, other.UniqueKey, other.UniqueFor));
        Assert.Equal((new JobLimit("other", 1), TimeSpan.FromSeconds(1), true), (other.Limit, other.Delay, other.AfterAnyEnd));
        Assert.Equal([JobReference.ById(3), JobReference.ById(4)], other.After);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task Of_one_unique_key_there_is_one_job_at_a_time_among_those_of_its_name()
    {
        await StartAsync(work => work.UniqueKey = job => job.Note);
        var first = await Node.Client.EnqueueAsync(new Work(1, "a"), Later);
        Assert.Equal(new EnqueueOutcome(first.Id, Added: false), await Node.Client.EnqueueAsync(new Work(2, "a"), Later));
        Assert.True((await Node.Client.EnqueueAsync(new Work(2, "b"), Later)).Added);
        Assert.True((await Node.Client.EnqueueAsync(new Work(2), Later)).Added);
        Assert.True((await Node.Client.EnqueueAsync(new Summary("s"), Later with { UniqueKey = "a" })).Added);
        Assert.False((await Node.Client.EnqueueAsync("work", """{"number":9,"note":"a"}"""u8.ToArray())).Added);
        Assert.True(await Node.Client.CancelAsync(first.Id));
        Assert.True((await Node.Client.EnqueueAsync(new Work(3, "a"), Later)).Added);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task Jobs_of_a_plan_come_one_after_the_other()
    {
        await StartAsync();
        var plan = Node.Client.Plan();
        plan.AddAll([new Work(1), new Work(2), new Work(3)]).Then(new Summary("three")).Then(new Work(4)).ThenAll([new Summary("x"), new Summary("y")]);
        var outcomes = await plan.EnqueueAsync();
        Assert.Equal(7, outcomes.Count);
        foreach (var outcome in outcomes)
            Assert.Equal(JobState.Succeeded, (await Node.EndAsync(outcome.Id)).State);
        var order = Node.Script.Started.ToList();
        Assert.Equal(["work 1", "work 2", "work 3"], order.Take(3).Order(StringComparer.Ordinal));
        Assert.Equal(["summary three", "work 4"], order.Skip(3).Take(2));
        Assert.Equal(["summary x", "summary y"], order.Skip(5).Order(StringComparer.Ordinal));
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task What_comes_after_a_failure_is_cancelled_but_what_comes_in_any_case_runs()
    {
        await StartAsync(work => work.MaxAttempts = 1);
        Node.Script.Do = (work, _, _) => work.Number == 2 ? throw new InvalidOperationException("Two.") : Task.FromResult(new Done(""));
        var plan = Node.Client.Plan();
        var both = plan.Add(new Work(1)).And(plan.Add(new Work(2)));
        var after = both.Then(new Summary("after"));
        var anyway = both.ThenInAnyCase(new Summary("anyway"));
        Assert.Equal([0, 1], both.Indexes);
        Assert.Equal([2, 3], after.And(anyway).Indexes);
        var outcomes = await plan.EnqueueAsync();
        var jobs = new List<JobState>();
        foreach (var outcome in outcomes)
            jobs.Add((await Node.EndAsync(outcome.Id)).State);
        Assert.Equal([JobState.Succeeded, JobState.Failed, JobState.Cancelled, JobState.Succeeded], jobs);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task A_job_can_come_after_one_that_is_there_already()
    {
        await StartAsync();
        var goOn = new TaskCompletionSource();
        Node.Script.Do = async (_, _, _) =>
        {
            await goOn.Task;
            return new Done("");
        };
        var first = await Node.EnqueueAsync(new Work(1));
        var second = (await Node.Client.EnqueueAsync(new Summary("then"), new EnqueueOptions { After = [first] })).Id;
        await JobNode.SoonAsync(() => Node.Script.Started.Count == 1);
        Assert.Equal(JobState.Blocked, (await Node.FindAsync(second)).State);
        goOn.SetResult();
        Assert.Equal(JobState.Succeeded, (await Node.EndAsync(second)).State);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task Whoever_waits_is_told_in_time_or_gets_what_is()
    {
        await StartAsync();
        var goOn = new TaskCompletionSource();
        Node.Script.Do = async (_, _, _) =>
        {
            await goOn.Task;
            return new Done("");
        };
        var id = await Node.EnqueueAsync(new Work(1));
        await JobNode.SoonAsync(() => Node.Script.Started.Count == 1);
        Assert.Equal(JobState.Running, (await Node.Client.WaitAsync(id, TimeSpan.FromMilliseconds(30)))!.State);
        Assert.Equal(JobState.Running, (await Node.Client.WaitAsync(id, TimeSpan.Zero))!.State);
        var waits = Enumerable.Range(0, 50).Select(_ => Node.Client.WaitAsync(id, TimeSpan.FromSeconds(20))).ToList();
        goOn.SetResult();
        Assert.All(await Task.WhenAll(waits), job => Assert.Equal(JobState.Succeeded, job!.State));
        Assert.Null(await Node.Client.WaitAsync(id + 1000, TimeSpan.FromSeconds(20)));
        using var cancelled = new CancellationTokenSource();
        var waiting = Node.Client.WaitAsync(await Node.EnqueueAsync(new Work(2), Later), TimeSpan.FromSeconds(20), cancelled.Token);
        await cancelled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task A_job_that_was_not_started_is_cancelled_at_once()
    {
        await StartAsync();
        var id = await Node.EnqueueAsync(new Work(1), Later);
        Assert.True(await Node.Client.CancelAsync(id));
        Assert.Equal(JobState.Cancelled, (await Node.FindAsync(id)).State);
        Assert.False(await Node.Client.CancelAsync(id));
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task Only_the_result_of_a_success_can_be_read_and_only_as_its_type()
    {
        await StartAsync(work => work.MaxAttempts = 1);
        var job = await Node.EndAsync(await Node.EnqueueAsync(new Work(1)));
        Assert.Equal(new Done("1"), Node.Client.ReadResult<Done>(job));
        Assert.Throws<InvalidOperationException>(() => Node.Client.ReadResult<string>(job));
        Node.Script.Do = (_, _, _) => throw new InvalidOperationException("No.");
        var failed = await Node.EndAsync(await Node.EnqueueAsync(new Work(1)));
        Assert.Contains("No.", Assert.Throws<InvalidOperationException>(() => Node.Client.ReadResult<Done>(failed)).Message, StringComparison.Ordinal);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task What_is_out_of_range_is_refused_before_it_is_stored()
    {
        await StartAsync();
        var client = Node.Client;
        await RefusedAsync(new EnqueueOptions { Queue = "a b" });
        await RefusedAsync(new EnqueueOptions { MaxAttempts = 0 });
        await RefusedAsync(new EnqueueOptions { MaxAttempts = 1001 });
        await RefusedAsync(new EnqueueOptions { UniqueKey = new string('k', 500) });
        await RefusedAsync(new EnqueueOptions { UniqueFor = TimeSpan.Zero });
        await RefusedAsync(new EnqueueOptions { ExpiresAfter = TimeSpan.FromSeconds(-1) });
        await RefusedAsync(new EnqueueOptions { KeepFor = TimeSpan.FromSeconds(-1) });
        await RefusedAsync(new EnqueueOptions { Delay = TimeSpan.MaxValue });
        await RefusedAsync(new EnqueueOptions { Priority = (JobPriority)9 });
        await RefusedAsync(new EnqueueOptions { Limit = new JobLimit("") });
        await RefusedAsync(new EnqueueOptions { Limit = new JobLimit("k", MaxStarts: 1, Per: TimeSpan.FromMilliseconds(999)) });
        await Assert.ThrowsAsync<ArgumentException>(() => client.EnqueueAsync("no name", "{}"u8.ToArray()));
        await Assert.ThrowsAnyAsync<JsonException>(() => client.EnqueueAsync("any", "{"u8.ToArray()));
        var misfit = await Assert.ThrowsAnyAsync<JsonException>(() => client.EnqueueAsync("work", """{"number":"one"}"""u8.ToArray()));
        Assert.Equal("$.number", misfit.Path);
        await Assert.ThrowsAsync<InvalidOperationException>(() => client.EnqueueAsync(new Done("")));
        Assert.Equal(0, await Node.Store.Jobs.LastIdAsync(CancellationToken.None));

        async Task RefusedAsync(EnqueueOptions options) => await Assert.ThrowsAsync<ArgumentException>(() => client.EnqueueAsync(new Work(1), options));
    }

    private async Task StartAsync(Action<JobOptions<Work>>? work = null) => _node = await JobNode.StartAsync(work);
}
