using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Databus.Jobs;
using Databus.Schedules;
using Databus.Storage;
using Databus.Testing;
using Npgsql;

namespace Databus.Postgres.Tests;

/// <summary>Jobs between two nodes on one database, and with transactions of others.</summary>
public sealed class JobConcurrencyTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task No_start_is_given_twice_and_none_is_forgotten()
    {
        const int enqueuers = 4, calls = 40, perCall = 25, workers = 6;
        await using var nodes = await TwoNodes.OpenAsync();
        var seen = new ConcurrentDictionary<long, int>();
        using var stop = new CancellationTokenSource();
        var working = Task.WhenAll(Enumerable.Range(0, workers).Select(worker => Task.Run(
            async () =>
            {
                var node = worker % 2 == 0 ? nodes.A : nodes.B;
                while (true)
                {
                    var wasStopped = stop.IsCancellationRequested;
                    var claims = await node.Jobs.ClaimAsync(new JobClaim($"node-{worker}", Queues: null, 17), Cancellation);
                    foreach (var job in claims.Jobs)
                        seen.AddOrUpdate(job.Token.Id, 1, (_, times) => times + 1);
                    Assert.Empty(await node.Jobs.CompleteAsync([.. claims.Jobs.Select(job => new JobCompletion(job.Token, JobOutcome.Succeeded))], Cancellation));
                    if (claims.Jobs.Count == 0 && !claims.More && wasStopped)
                        return;
                }
            },
            Cancellation)));
        var ids = new ConcurrentBag<long>();
        await Task.WhenAll(Enumerable.Range(0, enqueuers).Select(enqueuer => Task.Run(
            async () =>
            {
                var node = enqueuer % 2 == 0 ? nodes.A : nodes.B;
                for (var call = 0; call < calls; call++)
                {
                    var outcomes = await node.Jobs.EnqueueAsync(
                        [.. Enumerable.Range(0, perCall).Select(place => Job() with { Queue = place % 3 == 0 ? "a" : "b", Priority = (JobPriority)(place % 3) })], Cancellation);
                    foreach (var outcome in outcomes)
                        ids.Add(outcome.Id);
                }
            },
            Cancellation)));
        await stop.CancelAsync();
        await working;
        Assert.Equal(enqueuers * calls * perCall, ids.Distinct().Count());
        Assert.Equal(ids.Order(), seen.Keys.Order());
        Assert.All(seen.Values, times => Assert.Equal(1, times));
        Assert.Equal($"{ids.Count}|0", await nodes.Server.ExecuteAsync(
            "SELECT (SELECT count(*) FROM databus.ended_jobs WHERE state = 10), (SELECT count(*) FROM databus.jobs)", nodes.DatabaseName));
    }

    [Fact]
    public async Task Of_those_that_enqueue_the_same_key_at_once_one_does()
    {
        const int keys = 30, senders = 8;
        await using var nodes = await TwoNodes.OpenAsync();
        var outcomes = new ConcurrentBag<(int Key, EnqueueOutcome Outcome)>();
        await Task.WhenAll(Enumerable.Range(0, senders).Select(sender => Task.Run(
            async () =>
            {
                var node = sender % 2 == 0 ? nodes.A : nodes.B;

                // Each in an order of its own: whoever locked keys as they come would meet others head on.
                var order = Enumerable.Range(0, keys).OrderBy(key => (key * 7919 * (sender + 1)) % 1009).ToArray();
                foreach (var some in order.Chunk(5))
                {
                    var got = await node.Jobs.EnqueueAsync([.. some.Select(key => Job() with { UniqueKey = $"key-{key}" })], Cancellation);
                    for (var i = 0; i < some.Length; i++)
                        outcomes.Add((some[i], got[i]));
                }
            },
            Cancellation)));
        foreach (var key in outcomes.GroupBy(one => one.Key))
        {
            Assert.Single(key, one => one.Outcome.Added);
            Assert.Single(key.Select(one => one.Outcome.Id).Distinct());
        }

        Assert.Equal($"{keys}", await nodes.Server.ExecuteAsync("SELECT count(*) FROM databus.jobs", nodes.DatabaseName));
    }

    [Fact]
    public async Task Never_more_run_than_a_limit_lets_and_at_the_end_all_have_run()
    {
        const int jobs = 120, most = 3, workers = 6;
        await using var nodes = await TwoNodes.OpenAsync();
        await nodes.A.Jobs.PutQueueAsync("narrow", paused: false, new JobLimit("narrow", MaxRunning: most), Cancellation);
        await nodes.A.Jobs.EnqueueAsync(
            [
                .. Enumerable.Range(0, jobs).Select(_ => Job() with { Limit = new JobLimit("customer", MaxRunning: most) }),
                .. Enumerable.Range(0, jobs).Select(_ => Job() with { Queue = "narrow" }),
            ],
            Cancellation);
        var running = new ConcurrentDictionary<string, int>();
        var mostSeen = new ConcurrentDictionary<string, int>();
        var done = 0;
        await Task.WhenAll(Enumerable.Range(0, workers).Select(worker => Task.Run(
            async () =>
            {
                var node = worker % 2 == 0 ? nodes.A : nodes.B;
                var deadline = Deadline.In(Patience);
                while (Volatile.Read(ref done) < 2 * jobs && !deadline.IsOver)
                {
                    var claims = await node.Jobs.ClaimAsync(new JobClaim($"node-{worker}", Queues: null, 5), Cancellation);
                    foreach (var job in claims.Jobs)
                    {
                        var now = running.AddOrUpdate(job.Queue, 1, (_, count) => count + 1);
                        mostSeen.AddOrUpdate(job.Queue, now, (_, seen) => Math.Max(seen, now));
                    }

                    foreach (var job in claims.Jobs)
                    {
                        running.AddOrUpdate(job.Queue, 0, (_, count) => count - 1);
                        await node.Jobs.CompleteAsync([new JobCompletion(job.Token, JobOutcome.Succeeded)], Cancellation);
                        Interlocked.Increment(ref done);
                    }
                }
            },
            Cancellation)));
        Assert.Equal(2 * jobs, done);
        Assert.All(mostSeen.Values, seen => Assert.InRange(seen, 1, most));
        Assert.Equal("0", await nodes.Server.ExecuteAsync("SELECT sum(running) FROM databus.job_limits", nodes.DatabaseName));
    }

    [Fact]
    public async Task Of_all_nodes_that_come_for_a_tick_one_takes_it()
    {
        const int ticks = 20;
        await using var nodes = await TwoNodes.OpenAsync();
        var first = DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_000);
        await nodes.A.Jobs.PutScheduleAsync(new ScheduleSettings("often", ScheduleRule.OfInterval(TimeSpan.FromMinutes(1)), Job()), first, declaration: null, Cancellation);
        var revision = Assert.Single(await nodes.B.Jobs.ListSchedulesAsync("often", Cancellation)).Revision;
        var taken = 0;
        for (var tick = 0; tick < ticks; tick++)
        {
            var at = first.AddMinutes(tick);
            var outcomes = await Task.WhenAll(Enumerable.Range(0, 6).Select(comer => Task.Run(
                () => (comer % 2 == 0 ? nodes.A : nodes.B).Jobs.TickAsync(
                    new ScheduleTick("often", revision, at, at.AddMinutes(1), [(at, Job())], Overlap.Allow), Cancellation),
                Cancellation)));
            taken += outcomes.Count(outcome => outcome is { JobIds.Count: 1 });
        }

        Assert.Equal(ticks, taken);
        Assert.Equal($"{ticks}", await nodes.Server.ExecuteAsync("SELECT count(*) FROM databus.jobs", nodes.DatabaseName));
    }

    [Fact]
    public async Task What_one_node_enqueues_ends_and_cancels_the_other_hears()
    {
        await using var nodes = await TwoNodes.OpenAsync();
        var heard = new ConcurrentQueue<string>();
        nodes.B.Jobs.Claimable = queue => heard.Enqueue(queue ?? "poll");
        var changes = 0;
        nodes.B.Jobs.Changed = () => Interlocked.Increment(ref changes);

        // Again and again, because the other node may not listen yet.
        await EventuallyAsync(async () =>
        {
            await nodes.A.Jobs.EnqueueAsync([Job() with { Queue = "mail" }], Cancellation);
            return heard.Contains("mail");
        });

        var job = Assert.Single((await nodes.B.Jobs.ClaimAsync(new JobClaim("b", Queues: null, 1), Cancellation)).Jobs);
        Interlocked.Exchange(ref changes, 0);
        await nodes.A.Jobs.CancelAsync(new JobFilter { Ids = [job.Token.Id] }, before: null, Cancellation);
        await EventuallyAsync(() => Volatile.Read(ref changes) > 0);
        Assert.Equal([job.Token], await nodes.B.Jobs.ListCancelRequestsAsync("b", Cancellation));
        Assert.Empty(await nodes.B.Jobs.CompleteAsync([new JobCompletion(job.Token, JobOutcome.Cancelled)], Cancellation));
        Assert.Equal(JobState.Cancelled, (await nodes.A.Jobs.FindAsync(job.Token.Id, Cancellation))!.State);
    }

    [Fact]
    public async Task What_came_in_below_what_was_claimed_is_found_by_the_other_node_at_once()
    {
        await using var nodes = await TwoNodes.OpenAsync();
        await nodes.A.Jobs.EnqueueAsync([.. Enumerable.Range(0, 50).Select(_ => Job())], Cancellation);
        var first = (await nodes.B.Jobs.ClaimAsync(new JobClaim("b", ["default"], 40), Cancellation)).Jobs;
        var rest = (await nodes.B.Jobs.ClaimAsync(new JobClaim("b", ["default"], 40), Cancellation)).Jobs;
        Assert.Equal(50, first.Count + rest.Count);
        var heard = new TaskCompletionSource();
        nodes.B.Jobs.Claimable = queue =>
        {
            if (queue is not null)
                heard.TrySetResult();
        };
        await nodes.A.Jobs.CompleteAsync([new JobCompletion(first[0].Token, JobOutcome.Returned)], Cancellation);
        await heard.Task.WaitAsync(Patience, Cancellation);
        Assert.Equal(first[0].Token.Id, Assert.Single((await nodes.B.Jobs.ClaimAsync(new JobClaim("b", ["default"], 40), Cancellation)).Jobs).Token.Id);
    }

    [Fact]
    public async Task What_nobody_told_of_is_found_within_some_seconds()
    {
        await using var nodes = await TwoNodes.OpenAsync();
        var outcomes = await nodes.A.Jobs.EnqueueAsync([.. Enumerable.Range(0, 50).Select(_ => Job())], Cancellation);
        Assert.Equal(50, (await nodes.A.Jobs.ClaimAsync(new JobClaim("a", ["default"], 60), Cancellation)).Jobs.Count);
        await nodes.A.Jobs.EnqueueAsync([Job()], Cancellation);
        Assert.Single((await nodes.A.Jobs.ClaimAsync(new JobClaim("a", ["default"], 60), Cancellation)).Jobs);

        // By hand, as a node that died between its commit and its word would leave it.
        await nodes.Server.ExecuteAsync($"UPDATE databus.jobs SET state = 0 WHERE job_id = {outcomes[0].Id}", nodes.DatabaseName);
        await EventuallyAsync(async () => (await nodes.A.Jobs.ClaimAsync(new JobClaim("a", ["default"], 10), Cancellation)).Jobs.Count == 1);
    }

    [Fact]
    public async Task A_job_enqueued_in_a_transaction_is_there_with_its_commit()
    {
        await using var nodes = await TwoNodes.OpenAsync();
        var heard = new ConcurrentQueue<string?>();
        nodes.B.Jobs.Claimable = heard.Enqueue;
        await using var connection = new NpgsqlConnection(nodes.ConnectionString);
        await connection.OpenAsync(Cancellation);
        await connection.Command("CREATE TABLE orders (number integer)").RunAsync(Cancellation);
        long id;
        await using (var transaction = await connection.BeginTransactionAsync(Cancellation))
        {
            await connection.Command("INSERT INTO orders VALUES (1)").RunAsync(Cancellation);
            var outcome = Assert.Single(await nodes.A.EnqueueAsync(transaction, [Job() with { Queue = "orders", UniqueKey = "order-1" }], Cancellation));
            Assert.True(outcome.Added);
            id = outcome.Id;
            Assert.Null(await nodes.A.Jobs.FindAsync(id, Cancellation));
            Assert.Empty((await nodes.B.Jobs.ClaimAsync(new JobClaim("b", Queues: null, 10), Cancellation)).Jobs);
            Assert.DoesNotContain("orders", heard);
            await transaction.CommitAsync(Cancellation);
        }

        await EventuallyAsync(() => heard.Contains("orders"));
        Assert.Equal(id, Assert.Single((await nodes.B.Jobs.ClaimAsync(new JobClaim("b", Queues: null, 10), Cancellation)).Jobs).Token.Id);
    }

    [Fact]
    public async Task A_job_enqueued_in_a_transaction_that_is_rolled_back_was_never_there()
    {
        await using var nodes = await TwoNodes.OpenAsync();
        await using var connection = new NpgsqlConnection(nodes.ConnectionString);
        await connection.OpenAsync(Cancellation);
        var predecessor = (await nodes.A.Jobs.EnqueueAsync([Job()], Cancellation))[0].Id;
        await using (var transaction = await connection.BeginTransactionAsync(Cancellation))
        {
            await nodes.A.EnqueueAsync(
                transaction, [Job() with { UniqueKey = "order-1" }, Job() with { After = [JobReference.ById(predecessor)] }], Cancellation);
            await transaction.RollbackAsync(Cancellation);
        }

        var job = Assert.Single((await nodes.B.Jobs.ClaimAsync(new JobClaim("b", Queues: null, 10), Cancellation)).Jobs);
        Assert.Equal(predecessor, job.Token.Id);
        Assert.Empty(await nodes.B.Jobs.CompleteAsync([new JobCompletion(job.Token, JobOutcome.Succeeded)], Cancellation));
        Assert.True((await nodes.A.Jobs.EnqueueAsync([Job() with { UniqueKey = "order-1" }], Cancellation))[0].Added);
    }

    [Fact]
    public async Task What_comes_after_a_job_is_never_missed_by_the_end_of_that_job()
    {
        const int rounds = 150;
        await using var nodes = await TwoNodes.OpenAsync();
        for (var round = 0; round < rounds; round++)
        {
            var predecessor = (await nodes.A.Jobs.EnqueueAsync([Job()], Cancellation))[0].Id;
            var job = Assert.Single((await nodes.A.Jobs.ClaimAsync(new JobClaim("a", Queues: null, 1), Cancellation)).Jobs);
            var ending = nodes.A.Jobs.CompleteAsync([new JobCompletion(job.Token, JobOutcome.Succeeded)], Cancellation);
            var following = nodes.B.Jobs.EnqueueAsync([Job() with { After = [JobReference.ById(predecessor)] }], Cancellation);
            await Task.WhenAll(ending, following);
            var follower = Assert.Single((await nodes.A.Jobs.ClaimAsync(new JobClaim("a", Queues: null, 10), Cancellation)).Jobs);
            Assert.Equal((await following)[0].Id, follower.Token.Id);
            await nodes.A.Jobs.CompleteAsync([new JobCompletion(follower.Token, JobOutcome.Succeeded)], Cancellation);
        }
    }

    [Fact]
    public async Task Connections_that_are_ended_in_the_middle_leave_nothing_half_done()
    {
        const int jobs = 160;
        await using var nodes = await TwoNodes.OpenAsync();
        await nodes.A.Jobs.PutQueueAsync("narrow", paused: false, new JobLimit("narrow", MaxRunning: 7), Cancellation);
        var first = Job() with { Queue = "narrow" };
        await nodes.A.Jobs.EnqueueAsync(
            [
                .. Enumerable.Range(0, jobs).Select(place => place % 4 == 3
                    ? Job() with { After = [JobReference.ByIndex(place - 1)] }
                    : place % 2 == 0 ? first with { UniqueKey = $"key-{place}" } : Job() with { Limit = new JobLimit("customer", MaxRunning: 5) }),
            ],
            Cancellation);
        using var stop = new CancellationTokenSource();
        var killing = Task.Run(
            async () =>
            {
                while (!stop.IsCancellationRequested)
                {
                    await nodes.Server.TerminateBackendsAsync(nodes.DatabaseName);
                    await Task.Delay(TimeSpan.FromMilliseconds(50), Cancellation);
                }
            },
            Cancellation);
        var accepted = new ConcurrentDictionary<long, int>();
        var deadline = Deadline.In(TimeSpan.FromSeconds(3));
        await Task.WhenAll(Enumerable.Range(0, 4).Select(worker => Task.Run(
            async () =>
            {
                var node = worker % 2 == 0 ? nodes.A : nodes.B;
                while (!deadline.IsOver)
                    await TryToWorkAsync(node, $"node-{worker}", accepted);
            },
            Cancellation)));
        await stop.CancelAsync();
        await killing;

        // What a broken claim took comes back, because nobody says that these nodes are there; each loss counts.
        Assert.True(await Deadline.WaitAsync(
            async () =>
            {
                await TryToWorkAsync(nodes.A, "node-1", accepted);
                return await nodes.Server.ExecuteAsync("SELECT count(*) FROM databus.jobs", nodes.DatabaseName) == "0";
            },
            Patience,
            Cancellation));
        Assert.All(accepted.Values, times => Assert.Equal(1, times));
        Assert.Equal($"{jobs}|0|0|0|0", await nodes.Server.ExecuteAsync(
            """
            SELECT (SELECT count(*) FROM databus.ended_jobs), (SELECT count(*) FROM databus.jobs), (SELECT count(*) FROM databus.unique_jobs),
                   (SELECT count(*) FROM databus.job_followers), (SELECT sum(running) FROM databus.job_limits)
            """, nodes.DatabaseName));
    }

    [Fact]
    public async Task A_limit_that_somebody_has_locked_holds_up_nobody_else()
    {
        await using var nodes = await TwoNodes.OpenAsync();
        var rate = new JobLimit("rate", MaxStarts: 1, Per: TimeSpan.FromSeconds(3));
        await nodes.A.Jobs.EnqueueAsync([Job() with { Limit = rate }, Job() with { Limit = rate }], Cancellation);
        var claims = await nodes.A.Jobs.ClaimAsync(new JobClaim("node", Queues: null, 10), Cancellation);
        Assert.Single(claims.Jobs);
        await EventuallyAsync(async () => await nodes.Server.ExecuteAsync(
            "SELECT count(*) FROM databus.job_limits WHERE opens_at <= databus.now_in_ms(NULL)", nodes.DatabaseName) == "1");

        await using (var other = new NpgsqlConnection(nodes.ConnectionString + ";Pooling=false"))
        {
            await other.OpenAsync(Cancellation);
            await other.Command("BEGIN").RunAsync(Cancellation);
            await other.Command("SELECT FROM databus.job_limits FOR UPDATE").RunAsync(Cancellation);
            var id = (await nodes.A.Jobs.EnqueueAsync([Job()], Cancellation))[0].Id;
            claims = await nodes.A.Jobs.ClaimAsync(new JobClaim("node", Queues: null, 10), Cancellation);
            Assert.Equal(id, Assert.Single(claims.Jobs).Token.Id);
            Assert.False(claims.More);
            await other.Command("ROLLBACK").RunAsync(Cancellation);
        }

        claims = await nodes.A.Jobs.ClaimAsync(new JobClaim("node", Queues: null, 10), Cancellation);
        Assert.Single(claims.Jobs);
    }

    [Fact]
    public async Task A_conflict_about_what_follows_from_some_ends_makes_no_other_end_late()
    {
        await using var nodes = await TwoNodes.OpenAsync();
        await nodes.A.Jobs.EnqueueAsync([Job(), Job() with { Limit = new JobLimit("limit", MaxRunning: 1) }], Cancellation);
        var claims = await nodes.A.Jobs.ClaimAsync(new JobClaim("node", Queues: null, 10), Cancellation);
        Assert.Equal(2, claims.Jobs.Count);
        await nodes.Server.ExecuteAsync(
            """
            CREATE SEQUENCE conflicts;
            CREATE FUNCTION conflict() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF nextval('conflicts') = 1 THEN
                    RAISE EXCEPTION 'deadlock detected' USING ERRCODE = '40P01';
                END IF;
                RETURN NEW;
            END $$;
            CREATE TRIGGER conflict BEFORE INSERT ON databus.ended_jobs FOR EACH ROW WHEN (NEW.limit_key IS NOT NULL) EXECUTE FUNCTION conflict();
            """, nodes.DatabaseName);
        Assert.Empty(await nodes.A.Jobs.CompleteAsync([.. claims.Jobs.Select(job => new JobCompletion(job.Token, JobOutcome.Succeeded))], Cancellation));
        Assert.Equal("2|2", await nodes.Server.ExecuteAsync("SELECT (SELECT last_value FROM conflicts), (SELECT count(*) FROM databus.ended_jobs)", nodes.DatabaseName));
    }

    [Fact]
    public async Task What_ended_anew_while_it_was_to_be_removed_is_not_removed()
    {
        await using var nodes = await TwoNodes.OpenAsync();
        var id = (await nodes.A.Jobs.EnqueueAsync([Job()], Cancellation))[0].Id;
        var token = await ClaimOneAsync(nodes.A);
        await nodes.A.Jobs.ReportAsync([new JobReport(token, Progress: null, Message: null, [new JobLogLine(DateTimeOffset.UnixEpoch, 1, 2, "line")])], Cancellation);
        await nodes.A.Jobs.CompleteAsync([new JobCompletion(token, JobOutcome.Succeeded)], Cancellation);
        await nodes.Server.ExecuteAsync("UPDATE databus.ended_jobs SET ended_at = ended_at - 2 * keep_for", nodes.DatabaseName);

        // Held up between the look and the removal.
        await using var other = new NpgsqlConnection(nodes.ConnectionString + ";Pooling=false");
        await other.OpenAsync(Cancellation);
        await other.Command("BEGIN").RunAsync(Cancellation);
        await other.Command("SELECT FROM databus.job_log FOR UPDATE").RunAsync(Cancellation);
        var purging = nodes.B.PurgeStepAsync(Cancellation);
        await EventuallyAsync(async () => await WaitingAsync(nodes) == 1);
        var anew = nodes.Server.ExecuteAsync(
            "WITH anew AS (UPDATE databus.ended_jobs SET ended_at = databus.now_in_ms(NULL) RETURNING job_id) SELECT count(*) FROM anew", nodes.DatabaseName);
        await EventuallyAsync(async () => anew.IsCompleted || await WaitingAsync(nodes) == 2);
        await other.Command("ROLLBACK").RunAsync(Cancellation);
        await purging;
        Assert.Equal(await anew == "1", await nodes.A.Jobs.FindAsync(id, Cancellation) is not null);
    }

    private static async Task<int> WaitingAsync(TwoNodes nodes) => int.Parse(
        await nodes.Server.ExecuteAsync(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'", nodes.DatabaseName),
        CultureInfo.InvariantCulture);

    private static async Task<Subscriptions.LeaseToken> ClaimOneAsync(PostgresStore node) =>
        Assert.Single((await node.Jobs.ClaimAsync(new JobClaim("node", Queues: null, 10), Cancellation)).Jobs).Token;

    private static async Task TryToWorkAsync(PostgresStore node, string name, ConcurrentDictionary<long, int> accepted)
    {
        try
        {
            await node.Jobs.RescueAsync(Cancellation);
            var claims = await node.Jobs.ClaimAsync(new JobClaim(name, Queues: null, 30, TimeSpan.FromSeconds(1)), Cancellation);
            var lost = await node.Jobs.CompleteAsync([.. claims.Jobs.Select(job => new JobCompletion(job.Token, JobOutcome.Succeeded))], Cancellation);
            foreach (var job in claims.Jobs.Where(job => !lost.Contains(job.Token)))
                accepted.AddOrUpdate(job.Token.Id, 1, (_, times) => times + 1);
        }
        catch (StoreException error) when (error.IsTransient)
        {
            // Whether it happened is not known: then it comes back, or is done.
        }
    }

    private static NewJob Job() => new("count", Encoding.UTF8.GetBytes("{}"));

    private static async Task EventuallyAsync(Func<bool> condition) => Assert.True(await Deadline.WaitAsync(condition, Patience, Cancellation));

    private static async Task EventuallyAsync(Func<Task<bool>> condition) => Assert.True(await Deadline.WaitAsync(condition, Patience, Cancellation));
}
