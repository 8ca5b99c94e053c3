using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;
using Databus.Jobs;
using Databus.Nodes;
using Databus.Storage;
using Databus.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Databus.Tests.Jobs;

public sealed class JobWorkerTests : IAsyncLifetime
{
    private static readonly StoreException Gone = new(StoreProblem.Unavailable, "gone");

    private JobNode? _node;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        if (_node is not null)
            await _node.DisposeAsync();
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task A_job_runs_with_its_arguments_and_its_result_is_kept()
    {
        var node = await StartAsync(work => work.Queue = "letters");
        JobContext? context = null;
        node.Script.Do = (work, given, _) =>
        {
            context = given;
            return Task.FromResult(new Done($"{work.Number} {work.Note}"));
        };
        var outcome = await node.Client.EnqueueAsync(new Work(7, "seven"));
        Assert.True(outcome.Added);

        var job = await node.EndAsync(outcome.Id);
        Assert.Equal((JobState.Succeeded, "work", "letters", 1, 10), (job.State, job.Name, job.Queue, job.Attempt, job.MaxAttempts));
        Assert.Equal("""{"number":7,"note":"seven"}""", Encoding.UTF8.GetString(job.Arguments));
        Assert.Equal(new Done("7 seven"), node.Client.ReadResult<Done>(job));
        Assert.Equal((outcome.Id, "work", "letters", 1, 10), (context!.Id, context.Name, context.Queue, context.Attempt, context.MaxAttempts));
        Assert.Equal(job.EnqueuedAt, context.EnqueuedAt);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task A_job_stored_under_an_old_name_runs_and_one_enqueued_under_it_gets_the_new_one()
    {
        var node = await StartAsync(work => work.Aliases.Add("chore"));
        var stored = (await node.Store.Jobs.EnqueueAsync([Raw("chore")], CancellationToken.None))[0];
        Assert.Equal(JobState.Succeeded, (await node.EndAsync(stored.Id)).State);

        var enqueued = await node.Client.EnqueueAsync("chore", """{"number":2}"""u8.ToArray());
        var job = await node.EndAsync(enqueued.Id);
        Assert.Equal((JobState.Succeeded, "work"), (job.State, job.Name));
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task Arguments_from_before_a_field_was_added_and_from_after_one_was_removed_still_fit()
    {
        var node = await StartAsync();
        var outcomes = await node.Store.Jobs.EnqueueAsync([Raw("work", """{"number":1}"""), Raw("work", """{"number":2,"colour":"red"}""")], CancellationToken.None);
        foreach (var outcome in outcomes)
            Assert.Equal(JobState.Succeeded, (await node.EndAsync(outcome.Id)).State);
    }

    [Theory(Timeout = Engine.Patience)]
    [InlineData("""{"number":"many"}""", "$.number")]
    [InlineData("""{"number":1""", "$")]
    [InlineData("null", "$")]
    public async Task Arguments_that_do_not_fit_fail_at_once_and_say_where(string arguments, string path)
    {
        var node = await StartAsync();
        var outcome = (await node.Store.Jobs.EnqueueAsync([Raw("work", arguments)], CancellationToken.None))[0];
        var job = await node.EndAsync(outcome.Id);
        Assert.Equal((JobState.Failed, 1), (job.State, job.Attempt));
        Assert.Contains($" at {path}", job.Error, StringComparison.Ordinal);
        Assert.Empty(node.Script.Started);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task A_job_that_no_node_has_a_handler_for_waits_a_minute_and_is_parked_with_a_clear_message()
    {
        var clock = new FakeClock();
        var node = await StartAsync(clock: clock);
        var outcome = (await node.Store.Jobs.EnqueueAsync([Raw("gone")], CancellationToken.None))[0];
        var enqueuedAt = clock.GetUtcNow();
        await JobNode.SoonAsync(clock, async () => (await node.FindAsync(outcome.Id)).State == JobState.Failed);
        var job = await node.FindAsync(outcome.Id);
        Assert.Equal("No running node has a handler for jobs of the name \"gone\".", job.Error);
        Assert.InRange(clock.GetUtcNow() - enqueuedAt, TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(3));
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task A_job_that_another_node_has_a_handler_for_is_left_to_it()
    {
        var clock = new FakeClock();
        var node = await StartAsync(clock: clock);
        var other = new NodeReport("other", "other", NodeRoles.Worker, "1.0", clock.GetUtcNow(), IsDraining: false, []) { JobNames = ["gone", "more"] };
        await node.Store.HeartbeatAsync(other, CancellationToken.None);
        var outcome = (await node.Store.Jobs.EnqueueAsync([Raw("gone")], CancellationToken.None))[0];
        var enqueuedAt = clock.GetUtcNow();
        await JobNode.SoonAsync(clock, async () =>
        {
            await node.Store.HeartbeatAsync(other, CancellationToken.None);
            return clock.GetUtcNow() - enqueuedAt > TimeSpan.FromSeconds(100);
        });
        await JobNode.SoonAsync(async () => (await node.FindAsync(outcome.Id)).State == JobState.Delayed);
        var job = await node.FindAsync(outcome.Id);
        Assert.Equal((0, "The node that took it has no handler for jobs of the name \"gone\"."), (job.Attempt, job.Error));
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task The_other_nodes_are_told_which_jobs_it_has_handlers_for()
    {
        var node = await StartAsync(work => work.Aliases.Add("chore"));
        var report = Assert.Single(await node.Store.ListNodesAsync(CancellationToken.None)).Report;
        Assert.Equal(["chore", "poll-source", "summary", "work"], report.JobNames);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task What_fails_is_tried_again_as_its_policy_says()
    {
        var asked = new ConcurrentQueue<(int Attempt, string Error)>();
        var node = await StartAsync(work => work.RetryPolicy = (attempt, error) =>
        {
            asked.Enqueue((attempt, error.Message));
            return TimeSpan.FromMilliseconds(1);
        });
        node.Script.Do = (work, context, _) => context.Attempt < 3 ? throw new InvalidOperationException($"Not yet {context.Attempt}.") : Task.FromResult(new Done("now"));
        var job = await node.EndAsync(await node.EnqueueAsync(new Work(1)));
        Assert.Equal((JobState.Succeeded, 3), (job.State, job.Attempt));
        Assert.Equal([(1, "Not yet 1."), (2, "Not yet 2.")], asked);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task Without_attempts_left_it_has_failed_with_type_and_message_and_the_stack_is_in_its_log()
    {
        var node = await StartAsync(work => (work.MaxAttempts, work.RetryPolicy) = (2, (_, _) => TimeSpan.Zero));
        node.Script.Do = (_, _, _) => throw new InvalidOperationException("Never.");
        var job = await node.EndAsync(await node.EnqueueAsync(new Work(1)));
        Assert.Equal((JobState.Failed, 2, "System.InvalidOperationException: Never."), (job.State, job.Attempt, job.Error));
        var log = await node.Store.Jobs.ReadLogAsync(job.Id, 10, CancellationToken.None);
        Assert.Equal([1, 2], log.Select(line => line.Attempt));
        Assert.All(log, line =>
        {
            Assert.Equal((int)LogLevel.Error, line.Level);
            Assert.Contains("   at " + typeof(JobWorkerTests).FullName, line.Text, StringComparison.Ordinal);
        });
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task What_its_policy_gives_up_has_failed_at_once()
    {
        var node = await StartAsync(work => work.RetryPolicy = (_, error) => error is FormatException ? null : TimeSpan.Zero);
        node.Script.Do = (_, _, _) => throw new FormatException("Nonsense.");
        var job = await node.EndAsync(await node.EnqueueAsync(new Work(1)));
        Assert.Equal((JobState.Failed, 1), (job.State, job.Attempt));
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task By_default_it_comes_again_after_five_seconds_and_then_twice_as_long_each_time()
    {
        var clock = new FakeClock();
        var node = await StartAsync(work => work.MaxAttempts = 4, clock: clock);
        node.Script.Do = (_, _, _) => throw new InvalidOperationException("Never.");
        var id = await node.EnqueueAsync(new Work(1));
        for (var failures = 1; failures < 4; failures++)
        {
            await JobNode.SoonAsync(async () => (await node.FindAsync(id)) is { State: JobState.Delayed } job && job.Attempt == failures);
            var wait = (await node.FindAsync(id)).DueAt - clock.GetUtcNow();
            var expected = 5 * Math.Pow(2, failures - 1);
            Assert.InRange(wait.TotalSeconds, expected * 0.8, expected * 1.2);
            await JobNode.SoonAsync(clock, async () => (await node.FindAsync(id)).Attempt > failures);
        }

        await JobNode.SoonAsync(async () => (await node.FindAsync(id)).State == JobState.Failed);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task A_handler_beyond_its_time_limit_is_cancelled_and_the_attempt_has_failed()
    {
        Exception? judged = null;
        var node = await StartAsync(work =>
        {
            work.TimeLimit = TimeSpan.FromMilliseconds(100);
            work.RetryPolicy = (_, error) =>
            {
                judged = error;
                return null;
            };
        });
        node.Script.Do = (_, _, cancellation) => ForeverAsync(cancellation);
        var job = await node.EndAsync(await node.EnqueueAsync(new Work(1)));
        Assert.Equal(JobState.Failed, job.State);
        Assert.IsType<TimeoutException>(judged);
        Assert.Contains("time limit of 00:00:00.1", job.Error, StringComparison.Ordinal);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task A_handler_that_does_not_heed_its_time_limit_has_failed_ten_seconds_later_and_its_room_stays_taken()
    {
        var clock = new FakeClock();
        var node = await StartAsync(work => (work.TimeLimit, work.MaxAttempts) = (TimeSpan.FromSeconds(5), 1), options => options.JobConcurrency = 1, clock);
        var ended = new TaskCompletionSource();
        node.Script.Do = async (work, _, _) =>
        {
            if (work.Number == 1)
                await ended.Task;
            return new Done("at last");
        };
        var deaf = await node.EnqueueAsync(new Work(1));
        var next = await node.EnqueueAsync(new Work(2));
        await JobNode.SoonAsync(clock, async () => (await node.FindAsync(deaf)).State == JobState.Failed);
        Assert.Equal(JobState.Waiting, (await node.FindAsync(next)).State);
        await JobNode.SoonAsync(clock, async () =>
            Assert.Single(await node.Store.ListNodesAsync(CancellationToken.None)).Report.Warnings.Any(warning => warning.Code == "jobs-do-not-stop"));

        // What it says in the end is too late, and lets the next one in.
        ended.SetResult();
        await JobNode.SoonAsync(clock, async () => (await node.FindAsync(next)).State == JobState.Succeeded);
        Assert.Equal(JobState.Failed, (await node.FindAsync(deaf)).State);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task A_running_job_that_is_cancelled_is_told_at_once_and_confirmed()
    {
        var clock = new FakeClock();
        var node = await StartAsync(clock: clock);
        var started = new TaskCompletionSource();
        node.Script.Do = (_, _, cancellation) =>
        {
            started.TrySetResult();
            return ForeverAsync(cancellation);
        };
        var id = await node.EnqueueAsync(new Work(1));
        await started.Task;
        await clock.WhenTimerInAsync(JobSweep.BetweenSweeps);

        // The clock stands still: no sweep finds it.
        Assert.True(await node.Client.CancelAsync(id));
        var job = await node.EndAsync(id);
        Assert.Equal((JobState.Cancelled, 1), (job.State, job.Attempt));
        Assert.False(await node.Client.CancelAsync(id));
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task A_job_that_was_asked_to_stop_and_finished_has_succeeded()
    {
        var node = await StartAsync();
        var started = new TaskCompletionSource();
        node.Script.Do = async (_, _, cancellation) =>
        {
            started.TrySetResult();
            await Task.Delay(Timeout.Infinite, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return new Done("done in time");
        };
        var id = await node.EnqueueAsync(new Work(1));
        await started.Task;
        await node.Client.CancelAsync(id);
        Assert.Equal(JobState.Succeeded, (await node.EndAsync(id)).State);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task When_the_node_stops_what_ends_in_time_is_kept_and_the_rest_goes_back_with_no_attempt_used()
    {
        var node = await StartAsync(node: options => (options.JobConcurrency, options.JobDrainTime) = (3, TimeSpan.FromMilliseconds(500)));
        var all = new CountdownEvent(3);
        var deaf = new TaskCompletionSource();
        var stopping = new TaskCompletionSource();
        node.Script.Do = async (work, _, cancellation) =>
        {
            all.Signal();
            switch (work.Number)
            {
                case 1:
                    await stopping.Task;
                    return new Done("in time");
                case 2:
                    return await ForeverAsync(cancellation);
                default:
                    await deaf.Task;
                    return new Done("too late");
            }
        };
        var ids = (await node.Client.EnqueueManyAsync([new Work(1), new Work(2), new Work(3), new Work(4)])).Select(outcome => outcome.Id).ToList();
        await JobNode.SoonAsync(() => all.IsSet);
        var stoppedAt = Stopwatch.GetTimestamp();
        var stopped = node.StopAsync();
        stopping.SetResult();
        await stopped;
        Assert.True(Stopwatch.GetElapsedTime(stoppedAt) > TimeSpan.FromMilliseconds(490));
        var jobs = await Task.WhenAll(ids.Select(node.FindAsync));
        Assert.Equal([JobState.Succeeded, JobState.Waiting, JobState.Waiting, JobState.Waiting], jobs.Select(job => job.State));
        Assert.Equal([1, 0, 0, 0], jobs.Select(job => job.Attempt));
        deaf.SetResult();
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task What_was_claimed_in_the_moment_of_the_stop_is_not_begun()
    {
        var node = await StartAsync();
        var goOn = new TaskCompletionSource();
        node.Jobs.HoldNextClaim(goOn.Task);
        var id = await node.EnqueueAsync(new Work(1));
        await node.Jobs.Held;
        var stopping = node.StopAsync();
        goOn.SetResult();
        await stopping;
        var job = await node.FindAsync(id);
        Assert.Equal((JobState.Waiting, 0), (job.State, job.Attempt));
        Assert.Empty(node.Script.Started);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task What_was_claimed_by_an_answer_that_came_after_the_stop_goes_back()
    {
        var node = await StartAsync(node: options => options.JobDrainTime = TimeSpan.Zero);
        var goOn = new TaskCompletionSource();
        node.Jobs.HoldNextClaim(goOn.Task);
        var id = await node.EnqueueAsync(new Work(1));
        await node.Jobs.Held;
        await node.StopAsync();
        Assert.Equal(JobState.Running, (await node.FindAsync(id)).State);
        goOn.SetResult();
        await JobNode.SoonAsync(async () => await node.FindAsync(id) is { State: JobState.Waiting, Attempt: 0 });
        Assert.Empty(node.Script.Started);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task A_store_that_is_slow_when_the_node_stops_gets_back_all_the_same_what_did_not_end()
    {
        var node = await StartAsync(node: options => (options.JobConcurrency, options.JobDrainTime) = (3, TimeSpan.FromMilliseconds(300)));
        var stopping = new TaskCompletionSource();
        node.Script.Do = async (work, _, cancellation) =>
        {
            if (work.Number > 1)
                return await ForeverAsync(cancellation);
            await stopping.Task;
            return new Done("");
        };
        var ids = (await node.Client.EnqueueManyAsync([new Work(1), new Work(2), new Work(3)])).Select(outcome => outcome.Id).ToList();
        await JobNode.SoonAsync(() => node.Script.Started.Count == 3);

        // Longer than the node waits for what is under way, before it tells the rest.
        node.Jobs.HoldNext(nameof(IJobStore.CompleteAsync), Task.Delay(TimeSpan.FromSeconds(4), CancellationToken.None));
        var stopped = node.StopAsync();
        stopping.SetResult();
        await stopped;
        var jobs = await Task.WhenAll(ids.Select(node.FindAsync));
        Assert.Equal([(JobState.Succeeded, 1), (JobState.Waiting, 0), (JobState.Waiting, 0)], jobs.Select(job => (job.State, job.Attempt)));
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task What_was_claimed_before_a_freeze_is_not_begun_after_it()
    {
        var clock = new FakeClock();
        var node = await StartAsync(clock: clock);
        var ends = new ConcurrentQueue<JobCompletion>();
        node.Jobs.Refuse(nameof(IJobStore.CompleteAsync), args =>
        {
            foreach (var completion in (IReadOnlyList<JobCompletion>)args[0]!)
                ends.Enqueue(completion);
            return null;
        });
        var thaw = new TaskCompletionSource();
        node.Jobs.HoldNextClaim(thaw.Task);
        var id = await node.EnqueueAsync(new Work(1));
        var claimed = Assert.Single((await node.Jobs.Held).Jobs);

        // It is heard again before it comes to the job, which by now may be in other hands.
        var thawedAt = clock.GetUtcNow() + TimeSpan.FromSeconds(20);
        clock.SetUtcNow(thawedAt);
        await JobNode.SoonAsync(clock, async () => Assert.Single(await node.Store.ListNodesAsync(CancellationToken.None)).SeenAt >= thawedAt);
        thaw.SetResult();
        await JobNode.SoonAsync(clock, async () => (await node.FindAsync(id)).State == JobState.Succeeded);
        Assert.Equal((claimed.Token, JobOutcome.Returned), ends.TryPeek(out var first) ? (first.Token, first.Outcome) : default);
        Assert.Single(node.Script.Started);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task What_a_job_says_is_kept_while_it_runs_and_the_last_of_it_before_its_end()
    {
        var node = await StartAsync();
        var goOn = new TaskCompletionSource();
        node.Script.Do = async (_, context, _) =>
        {
            for (var step = 0; step < 10_000; step++)
                context.ReportProgress(step / 20_000.0, $"step {step}");
            context.Log(LogLevel.Debug, "by itself");
            await goOn.Task;
            context.Logger.LogInformation("with a {What}", "logger");
            context.Logger.LogTrace("too small");
            context.Log(LogLevel.Warning, new string('x', 3000));
            context.ReportProgress(7);
            return new Done("");
        };
        var id = await node.EnqueueAsync(new Work(1));
        await JobNode.SoonAsync(async () => (await node.FindAsync(id)).Progress >= 9_999 / 20_000.0);
        Assert.Equal("step 9999", (await node.FindAsync(id)).Message);
        Assert.InRange(node.Jobs.Asked(nameof(IJobStore.ReportAsync)), 1, 3);
        goOn.SetResult();
        var job = await node.EndAsync(id);
        Assert.Equal((1.0, "step 9999"), (job.Progress, job.Message));
        var log = await node.Store.Jobs.ReadLogAsync(id, 100, CancellationToken.None);
        Assert.Equal([LogLevel.Debug, LogLevel.Information, LogLevel.Warning], log.Select(line => (LogLevel)line.Level));
        Assert.Equal(["by itself", "with a logger"], log.Take(2).Select(line => line.Text));
        Assert.Equal(2000, log[2].Text.Length);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task An_outage_of_the_store_at_the_end_costs_nothing_but_time()
    {
        var node = await StartAsync();
        var refused = 0;
        node.Jobs.Refuse(nameof(IJobStore.CompleteAsync), _ => ++refused <= 4 ? Gone : null);
        var id = await node.EnqueueAsync(new Work(1));
        var job = await node.EndAsync(id);
        Assert.Equal((JobState.Succeeded, 1), (job.State, job.Attempt));
        Assert.Equal(["work 1"], node.Script.Started);
        Assert.Equal(5, refused);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task An_end_that_the_store_does_not_take_fails_alone()
    {
        var node = await StartAsync(node: options => options.JobConcurrency = 3);
        var all = new Barrier(3);
        node.Script.Do = async (work, _, _) =>
        {
            await Task.Run(all.SignalAndWait, CancellationToken.None);
            return new Done($"{work.Number}");
        };
        node.Jobs.Refuse(nameof(IJobStore.CompleteAsync), arguments =>
            ((IReadOnlyList<JobCompletion>)arguments[0]!).Any(one => one.Result is { } result && Encoding.UTF8.GetString(result).Contains('2', StringComparison.Ordinal))
                ? new InvalidOperationException("Too much.")
                : null);
        var outcomes = await node.Client.EnqueueManyAsync([new Work(1), new Work(2), new Work(3)]);
        var jobs = await Task.WhenAll(outcomes.Select(outcome => node.EndAsync(outcome.Id)));
        Assert.Equal([JobState.Succeeded, JobState.Failed, JobState.Succeeded], jobs.Select(job => job.State));
        Assert.Equal("How it went could not be kept: Too much.", jobs[1].Error);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task Jobs_claimed_by_a_call_whose_answer_was_lost_are_found_and_run()
    {
        var node = await StartAsync();
        node.Jobs.LoseNextAnswer(nameof(IJobStore.ClaimAsync), Gone);
        var outcomes = await node.Client.EnqueueManyAsync([new Work(1), new Work(2)]);
        foreach (var outcome in outcomes)
        {
            var job = await node.EndAsync(outcome.Id);
            Assert.Equal((JobState.Succeeded, 1), (job.State, job.Attempt));
        }

        Assert.Equal(2, node.Script.Started.Count);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task A_claim_that_comes_into_force_late_is_given_back_also_when_there_is_no_room()
    {
        var clock = new FakeClock();
        var node = await StartAsync(node: options => (options.Roles, options.JobConcurrency) = (NodeRoles.Worker, 1), clock: clock);
        var goOn = new TaskCompletionSource();
        node.Script.Do = async (_, _, _) =>
        {
            await goOn.Task;
            return new Done("");
        };
        var fails = 1;
        node.Jobs.Refuse(nameof(IJobStore.ClaimAsync), _ => Interlocked.Exchange(ref fails, 0) == 1 ? Gone : null);
        await node.EnqueueAsync(new Work(1));
        await JobNode.SoonAsync(clock, () => Task.FromResult(node.Script.Started.Count == 1));
        var id = await node.EnqueueAsync(new Work(2));
        var me = node.Services.GetRequiredService<NodeHeart>().Id;
        Assert.Equal(id, Assert.Single((await node.Store.Jobs.ClaimAsync(new JobClaim(me, Queues: null, 1), CancellationToken.None)).Jobs).Token.Id);
        await JobNode.SoonAsync(clock, async () => await node.FindAsync(id) is { State: JobState.Waiting, Attempt: 0 });
        Assert.Single(node.Script.Started);
        goOn.SetResult();
        await JobNode.SoonAsync(clock, async () => (await node.FindAsync(id)).State == JobState.Succeeded);
    }

    [Theory(Timeout = Engine.Patience)]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_node_that_the_store_does_not_hear_stops_its_jobs_before_the_others_take_them(bool storeHangs)
    {
        var clock = new FakeClock();
        var node = await StartAsync(clock: clock);
        var never = new TaskCompletionSource();
        if (storeHangs)
            node.Jobs.HoldNext(nameof(IJobStore.ListCancelRequestsAsync), never.Task);
        var stoppedAt = new TaskCompletionSource<DateTimeOffset>();
        var starts = 0;
        node.Script.Do = async (_, _, cancellation) =>
        {
            if (Interlocked.Increment(ref starts) > 1)
                return new Done("again");
            await using var registration = cancellation.Register(() => stoppedAt.TrySetResult(clock.GetUtcNow()));
            return await ForeverAsync(cancellation);
        };
        var id = await node.EnqueueAsync(new Work(1));
        await JobNode.SoonAsync(() => starts == 1);
        var seenAt = Assert.Single(await node.Store.ListNodesAsync(CancellationToken.None)).SeenAt;
        var unheard = true;
        node.Probe.Answer(nameof(IStore.HeartbeatAsync), () => unheard ? Task.FromException(Gone) : Task.CompletedTask);
        await JobNode.SoonAsync(clock, () => Task.FromResult(stoppedAt.Task.IsCompleted));
        Assert.InRange(await stoppedAt.Task - seenAt, TimeSpan.FromSeconds(7.5), NodeStatus.SilenceOfTheDead);

        // Unheard, it takes nothing; heard again, it does.
        await JobNode.SoonAsync(async () => (await node.FindAsync(id)).State != JobState.Running);
        Assert.Equal(1, starts);
        unheard = false;
        await JobNode.SoonAsync(clock, async () => (await node.FindAsync(id)).State == JobState.Succeeded);
        Assert.Equal(1, (await node.FindAsync(id)).Attempt);
        never.SetResult();
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task A_heartbeat_that_is_answered_late_stops_no_jobs()
    {
        var clock = new FakeClock();
        var node = await StartAsync(clock: clock);
        var goOn = new TaskCompletionSource();
        var wasStopped = false;
        node.Script.Do = async (_, _, cancellation) =>
        {
            await goOn.Task;
            wasStopped = cancellation.IsCancellationRequested;
            return new Done("");
        };
        var id = await node.EnqueueAsync(new Work(1));
        await JobNode.SoonAsync(() => !node.Script.Started.IsEmpty);
        var (asked, startedAt) = (node.Probe.Asked(nameof(IStore.HeartbeatAsync)), clock.GetUtcNow());
        var late = new TaskCompletionSource();
        node.Probe.Hold(nameof(IStore.HeartbeatAsync), late.Task);
        await JobNode.SoonAsync(clock, () => Task.FromResult(node.Probe.Asked(nameof(IStore.HeartbeatAsync)) > asked));
        node.Probe.LetGo(nameof(IStore.HeartbeatAsync));
        await JobNode.SoonAsync(clock, () => Task.FromResult(clock.GetUtcNow() - startedAt >= TimeSpan.FromSeconds(9)));
        late.SetResult();
        await JobNode.SoonAsync(clock, () => Task.FromResult(clock.GetUtcNow() - startedAt >= TimeSpan.FromSeconds(12)));
        goOn.SetResult();
        await JobNode.SoonAsync(clock, async () => (await node.FindAsync(id)).State == JobState.Succeeded);
        Assert.False(wasStopped);
        Assert.Single(node.Script.Started);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task The_job_of_a_node_that_died_starts_here()
    {
        var clock = new FakeClock();
        var node = await StartAsync(node: options => options.JobQueues = ["other"], clock: clock);
        var id = await node.EnqueueAsync(new Work(1));
        var dead = new NodeReport("dead", "dead", NodeRoles.Worker, "1.0", clock.GetUtcNow(), IsDraining: false, []);
        await node.Store.HeartbeatAsync(dead, CancellationToken.None);
        var claimed = Assert.Single((await node.Store.Jobs.ClaimAsync(new JobClaim("dead", Queues: null, 10), CancellationToken.None)).Jobs);
        var diedAt = clock.GetUtcNow();
        await JobNode.SoonAsync(clock, async () => (await node.FindAsync(id)).State == JobState.Waiting);
        Assert.InRange(clock.GetUtcNow() - diedAt, NodeStatus.SilenceOfTheDead, TimeSpan.FromSeconds(15));
        Assert.Equal([claimed.Token], await node.Store.Jobs.CompleteAsync([new JobCompletion(claimed.Token, JobOutcome.Succeeded)], CancellationToken.None));
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task Handlers_that_block_threads_leave_enough_for_the_rest_of_the_process()
    {
        // The pool by itself brings about two threads a second: far too slowly for the node's heartbeat behind these handlers.
        const int handlers = 60;
        var node = await StartAsync(node: options => options.JobConcurrency = handlers);
        using var goOn = new ManualResetEvent(initialState: false);
        node.Script.Do = (_, _, _) =>
        {
            goOn.WaitOne();
            return Task.FromResult(new Done(""));
        };
        try
        {
            var enqueuedAt = Stopwatch.GetTimestamp();
            await node.Client.EnqueueManyAsync(Enumerable.Range(0, handlers).Select(number => new Work(number)));
            await JobNode.SoonAsync(() => node.Script.Started.Count == handlers);
            Assert.InRange(Stopwatch.GetElapsedTime(enqueuedAt), TimeSpan.Zero, NodeStatus.SilenceOfTheDead);
        }
        finally
        {
            goOn.Set();
        }
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task It_serves_its_own_queues_only_and_no_more_jobs_at_once_than_it_may()
    {
        var node = await StartAsync(node: options => (options.JobConcurrency, options.JobQueues) = (3, ["mine", "ours"]));
        int running = 0, most = 0;
        node.Script.Do = async (_, _, _) =>
        {
            InterlockedMax(ref most, Interlocked.Increment(ref running));
            await Task.Yield();
            await Task.Delay(2, CancellationToken.None);
            Interlocked.Decrement(ref running);
            return new Done("");
        };
        var theirs = await node.EnqueueAsync(new Work(0), new EnqueueOptions { Queue = "theirs" });
        var jobs = await node.Client.EnqueueManyAsync(Enumerable.Range(1, 20).Select(number => new Work(number)), new EnqueueOptions { Queue = "mine" });
        var more = await node.Client.EnqueueManyAsync(Enumerable.Range(1, 20).Select(number => new Work(number)), new EnqueueOptions { Queue = "ours" });
        foreach (var outcome in jobs.Concat(more))
            await node.EndAsync(outcome.Id);
        Assert.Equal(3, most);
        Assert.Equal(JobState.Waiting, (await node.FindAsync(theirs)).State);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task Idle_it_asks_hardly_anything_and_starts_what_comes_at_once()
    {
        var clock = new FakeClock();
        var node = await StartAsync(clock: clock);
        await JobNode.SoonAsync(() => node.Jobs.Asked(nameof(IJobStore.ClaimAsync)) >= 1);

        // The clock stands still: it is told.
        await node.EndAsync(await node.EnqueueAsync(new Work(1)));
        Assert.InRange(node.Jobs.Asked(nameof(IJobStore.ClaimAsync)), 2, 4);
        Assert.Equal(0, node.Jobs.Asked(nameof(IJobStore.ListCancelRequestsAsync)));
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task What_is_delayed_starts_when_it_is_due()
    {
        var clock = new FakeClock();
        var node = await StartAsync(clock: clock);
        DateTimeOffset? startedAt = null;
        node.Script.Do = (_, _, _) =>
        {
            startedAt = clock.GetUtcNow();
            return Task.FromResult(new Done(""));
        };
        var (almost, rest) = (TimeSpan.FromSeconds(7), TimeSpan.FromMilliseconds(321));
        var dueAt = clock.GetUtcNow() + almost + rest;
        var id = await node.EnqueueAsync(new Work(1), new EnqueueOptions { DueAt = dueAt });
        await clock.WhenTimerInAsync(TimeSpan.FromSeconds(1));
        clock.Advance(almost);
        await clock.WhenTimerInAsync(rest);
        clock.Advance(rest);
        await JobNode.SoonAsync(async () => (await node.FindAsync(id)).State == JobState.Succeeded);
        Assert.Equal(dueAt, startedAt);
    }

    [Fact(Timeout = 60_000)]
    public async Task Twenty_thousand_jobs_run_once_each()
    {
        const int jobs = 20_000;
        var node = await StartAsync(node: options => options.JobConcurrency = 256);
        var runs = new int[jobs];
        node.Script.Do = (work, _, _) =>
        {
            Interlocked.Increment(ref runs[work.Number]);
            return Task.FromResult(new Done(""));
        };
        var startedAt = Stopwatch.GetTimestamp();
        var last = 0L;
        foreach (var chunk in Enumerable.Range(0, jobs).Select(number => new Work(number)).Chunk(1000))
            last = (await node.Client.EnqueueManyAsync(chunk))[^1].Id;
        await JobNode.SoonAsync(async () => (await node.Store.Jobs.ListQueuesAsync(CancellationToken.None)).Sum(queue => queue.Counts.Values.Sum()) == 0);
        TestContext.Current.SendDiagnosticMessage($"{jobs / Stopwatch.GetElapsedTime(startedAt).TotalSeconds:0} jobs/s");
        Assert.All(runs, count => Assert.Equal(1, count));
        Assert.Equal(JobState.Succeeded, (await node.FindAsync(last)).State);
    }

    private static async Task<Done> ForeverAsync(CancellationToken cancellation)
    {
        await Task.Delay(Timeout.Infinite, cancellation);
        throw new InvalidOperationException("For ever is over.");
    }

    private static void InterlockedMax(ref int most, int value)
    {
        int seen;
        while ((seen = Volatile.Read(ref most)) < value && Interlocked.CompareExchange(ref most, value, seen) != seen)
        {
            // Somebody else was faster.
        }
    }

    private static NewJob Raw(string name, string arguments = """{"number":1}""") => new(name, Encoding.UTF8.GetBytes(arguments));

    private async Task<JobNode> StartAsync(
        Action<JobOptions<Work>>? work = null, Action<Hosting.DatabusOptions>? node = null, TimeProvider? clock = null) =>
        _node = await JobNode.StartAsync(work, node, clock);
}
