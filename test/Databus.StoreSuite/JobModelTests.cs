using Databus.Jobs;
using Databus.Subscriptions;
using FsCheck;
using FsCheck.Fluent;

namespace Databus.StoreSuite;

/// <summary>
/// Random histories of one queue's jobs, each step compared with <see cref="JobModel"/>: starts, ends, losses, chains, unique
/// keys and limits as they come. A failure prints the shortest history that shows it, and the seed to run it again.
/// </summary>
public abstract class JobModelTests(StoreHome home) : JobSuite(home)
{
    private const int Histories = 100;
    private const int StepsPerHistory = 60;

    private static readonly string[] Nodes = ["node-1", "node-2"];

    private int _histories;

    [Fact]
    public void Every_history_goes_as_the_model_says() => Check.One(
        Config.QuickThrowOnFailure.WithMaxTest(Histories),
        Prop.ForAll(
            Gen.ListOf(AnyStep(), StepsPerHistory).ToArbitrary(),
            steps => Task.Run(() => RunAsync(steps)).GetAwaiter().GetResult()));

    private static Gen<Step> AnyStep() => Gen.Frequency(
        (6, from jobs in Gen.NonEmptyListOf(AnyJob()) select (Step)new Enqueue([.. jobs.Take(5)])),
        (8, from node in Gen.Choose(0, 1) from max in Gen.Choose(1, 6) from seconds in Gen.Elements<int?>(null, null, 1, 20) select (Step)new Claim(node, max, seconds)),
        (9, from token in Gen.Choose(0, 8)
            from outcome in Gen.Elements(JobOutcome.Succeeded, JobOutcome.Succeeded, JobOutcome.Failed, JobOutcome.Hopeless, JobOutcome.Cancelled, JobOutcome.Returned)
            from seconds in Gen.Elements(0, 1, 15)
            select (Step)new Complete(token, outcome, seconds)),
        (2, from node in Gen.Choose(0, 1) select (Step)new Beat(node)),
        (2, Gen.Constant((Step)new Rescue())),
        (2, from job in Gen.Choose(0, 12) select (Step)new Cancel(job)),
        (2, from job in Gen.Choose(0, 12) select (Step)new Retry(job)),
        (1, from job in Gen.Choose(0, 12) select (Step)new Delete(job)),
        (4, from milliseconds in Gen.Elements(1, 999, 1_000, 9_999, 10_000, 20_000) select (Step)new Wait(milliseconds)),
        (1, Gen.Constant((Step)new Reopen())));

    private static Gen<Plan> AnyJob() =>
        from priority in Gen.Elements(JobPriority.Normal, JobPriority.Normal, JobPriority.High, JobPriority.Low)
        from delay in Gen.Elements(0, 0, 0, 1, 15)
        from attempts in Gen.Choose(1, 5)
        from key in Gen.Elements<string?>(null, null, null, "once", "a-while")
        from limit in Gen.Elements<string?>(null, null, "running", "starts", "both")
        from after in Gen.ListOf(Gen.Choose(0, 8), 2)
        from follows in Gen.Elements(0, 0, 1, 2)
        from anyEnd in Gen.Elements(true, false)
        select new Plan(priority, delay, attempts, key, limit, [.. after.Take(follows)], anyEnd);

    private async Task RunAsync(IReadOnlyList<Step> steps)
    {
        var history = $"history-{++_histories}";
        var model = new JobModel();
        var tokens = new List<LeaseToken>();
        foreach (var step in steps)
        {
            await TakeAsync(step, history, model, tokens);
            var page = await Jobs.ListAsync(new JobFilter { Queue = history }, before: null, 1000, Cancellation);
            Assert.Equal(model.Jobs, page.Jobs.Select(job => (
                job.Id,
                job.State is JobState.Delayed or JobState.Held ? JobState.Waiting : job.State,
                job.Attempt,
                job.IsCancelRequested)));
        }

        // The next history finds nothing of this one.
        Clock.Advance(TimeSpan.FromDays(1));
        await Jobs.CancelAsync(new JobFilter { Queue = history }, before: null, Cancellation);
        await RescueAsync();
        await Jobs.DeleteAsync(new JobFilter { Queue = history }, before: null, Cancellation);
        Assert.Empty((await Jobs.ListAsync(new JobFilter(), before: null, 1, Cancellation)).Jobs);
    }

    private async Task TakeAsync(Step step, string history, JobModel model, List<LeaseToken> tokens)
    {
        switch (step)
        {
            case Enqueue enqueue:
                var jobs = enqueue.Jobs.Select((plan, place) => JobOf(plan, place, history, model)).ToArray();
                var outcomes = await TryEnqueueAsync(jobs);
                var keys = new Dictionary<string, long>(StringComparer.Ordinal);
                for (var place = 0; place < jobs.Length; place++)
                    model.Enqueue(jobs[place], outcomes[place], outcomes, keys, Now);
                break;

            case Claim claim:
                TimeSpan? lease = claim.LeaseSeconds is { } seconds ? TimeSpan.FromSeconds(seconds) : null;
                var claimed = await ClaimAsync(claim.Max, Nodes[claim.Node], history, lease);
                Assert.Equal(model.Claim(Nodes[claim.Node], claim.Max, lease, Now), claimed.Select(job => (job.Token.Id, job.Attempt)));
                foreach (var job in claimed)
                {
                    model.Claimed(job.Token);
                    tokens.Add(job.Token);
                }

                break;

            // The newest tokens are the likeliest to be current; older ones must be refused.
            case Complete complete when complete.Token < tokens.Count:
                var token = tokens[^(complete.Token + 1)];
                var delay = TimeSpan.FromSeconds(complete.DelaySeconds);
                var lost = await Jobs.CompleteAsync([new JobCompletion(token, complete.Outcome, Delay: delay)], Cancellation);
                Assert.Equal(model.Complete(token, complete.Outcome, delay, Now), lost.Count == 0);
                break;

            case Beat beat:
                await BeatAsync(Nodes[beat.Node]);
                model.Beat(Nodes[beat.Node], Now);
                break;

            case Rescue:
                Assert.Equal(model.Rescue(Now), await RescueAsync());
                break;

            case Cancel cancel when Pick(cancel.Job) is { } id:
                Assert.Equal(model.Cancel(id, Now), (await CancelAsync(id)).Changed);
                break;

            case Retry retry when Pick(retry.Job) is { } id:
                Assert.Equal(model.Retry(id, Now), (await RetryAsync(id)).Changed);
                break;

            case Delete delete when Pick(delete.Job) is { } id:
                Assert.Equal(model.Delete(id, Now), (await DeleteAsync(id)).Changed);
                break;

            case Wait wait:
                Clock.Advance(TimeSpan.FromMilliseconds(wait.Milliseconds));
                break;

            case Reopen:
                await ReopenAsync();
                break;
        }

        long? Pick(int age) => age < model.Ids.Count ? model.Ids[^(age + 1)] : null;
    }

    private static NewJob JobOf(Plan plan, int place, string history, JobModel model) => Job() with
    {
        Queue = history,
        Priority = plan.Priority,
        Delay = TimeSpan.FromSeconds(plan.DelaySeconds),
        MaxAttempts = plan.MaxAttempts,
        UniqueKey = plan.Key is null ? null : $"{history}-{plan.Key}",
        UniqueFor = plan.Key == "a-while" ? TimeSpan.FromSeconds(10) : null,
        Limit = plan.Limit switch
        {
            "running" => new JobLimit($"{history}-running", MaxRunning: 2),
            "starts" => new JobLimit($"{history}-starts", MaxStarts: 2, Per: TimeSpan.FromSeconds(10)),
            "both" => new JobLimit($"{history}-both", MaxRunning: 1, MaxStarts: 3, Per: TimeSpan.FromSeconds(20)),
            _ => null,
        },

        // First those of the same call, then those that are there, the newest first.
        After = [.. plan.After
            .Where(back => back < place + model.Ids.Count)
            .Select(back => back < place ? JobReference.ByIndex(place - 1 - back) : JobReference.ById(model.Ids[^(back - place + 1)]))],
        AfterAnyEnd = plan.AfterAnyEnd,
    };

    private abstract record Step;

    private sealed record Plan(JobPriority Priority, int DelaySeconds, int MaxAttempts, string? Key, string? Limit, int[] After, bool AfterAnyEnd)
    {
        public override string ToString() =>
            $"({Priority} +{DelaySeconds}s {MaxAttempts}x key={Key} limit={Limit} after{(AfterAnyEnd ? " any end of" : "")} {string.Join(' ', After)})";
    }

    private sealed record Enqueue(Plan[] Jobs) : Step
    {
        public override string ToString() => $"Enqueue {string.Join<Plan>(' ', Jobs)}";
    }

    private sealed record Claim(int Node, int Max, int? LeaseSeconds) : Step;

    private sealed record Complete(int Token, JobOutcome Outcome, int DelaySeconds) : Step;

    private sealed record Beat(int Node) : Step;

    private sealed record Rescue : Step;

    private sealed record Cancel(int Job) : Step;

    private sealed record Retry(int Job) : Step;

    private sealed record Delete(int Job) : Step;

    private sealed record Wait(int Milliseconds) : Step;

    private sealed record Reopen : Step;
}
