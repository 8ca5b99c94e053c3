using System.Collections.Concurrent;
using System.Globalization;
using Databus.Jobs;
using Databus.Schedules;
using Microsoft.Extensions.Logging.Abstractions;

namespace Databus.Tests.Schedules;

/// <summary>P6: five nodes that are killed a thousand times around the boundaries of ticks, over one store.</summary>
public sealed class SchedulerKillTests : IAsyncLifetime
{
    private const int Nodes = 5;
    private const int Kills = 1000;

    /// <summary>What a test waits for a store that has to sync each commit.</summary>
    private const int LongPatience = 180_000;

    private readonly ConcurrentQueue<(ScheduleTick Tick, TickOutcome Outcome)> _ledger = new();
    private readonly List<Node> _nodes = [];
    private readonly List<Expectation> _expected = [];
    private Engine _engine = null!;
    private int _killed;

    public async ValueTask InitializeAsync() => _engine = await Engine.StartAsync();

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_nodes.ToList().Select(KillAsync));
        await _engine.DisposeAsync();
    }

    [Theory(Timeout = LongPatience)]
    [InlineData(1)]
    [InlineData(20260329)]
    public async Task The_ticks_that_ran_are_the_expected_ones_each_once(int seed)
    {
        var random = new Random(seed);

        // Minutes before Berlin's clock is put forward.
        _engine.Clock.SetUtcNow(new DateTimeOffset(2026, 3, 29, 0, 55, 0, 250, TimeSpan.Zero));
        foreach (var catchUp in Enum.GetValues<CatchUp>())
        {
            await PutAsync($"interval-{catchUp}", ScheduleRule.OfInterval(TimeSpan.FromSeconds(10)), catchUp);
            await PutAsync($"cron-{catchUp}", ScheduleRule.OfCron("*/15 * * * * *", "Europe/Berlin"), catchUp);
            await PutAsync($"time-{catchUp}", ScheduleRule.OfCron("20 0,1,2,3,10,11,30,31,59 1-6 * * *", "Europe/Berlin"), catchUp);
        }

        while (_killed < Kills)
        {
            while (_nodes.Count < Nodes)
                await StartAsync();
            await SettleAsync();
            switch (random.Next(10))
            {
                case 0:
                    await BeAwayAsync(random);
                    break;
                case 1:
                    // A clock that is corrected, by less than the shortest time between two ticks.
                    _engine.Clock.SetUtcNow(Now.AddMilliseconds(-random.Next(1, 3000)));
                    break;
                default:
                    await PassABoundaryAsync(random);
                    break;
            }
        }

        while (_nodes.Count < Nodes)
            await StartAsync();
        await SettleAsync();
        await WrittenDownAsync();
        foreach (var expected in _expected)
        {
            var ran = _ledger.Where(entry => entry.Tick.Schedule == expected.Settings.Name).SelectMany(entry => entry.Tick.Jobs.Select(job => job.At)).ToList();
            Assert.Equal(expected.Ticks.Select(Written), ran.Order().Select(Written));
            Assert.Equal(ran.Count, (await StatusAsync(expected.Settings.Name)).Ticks);
            Assert.Equal(ran.Count, await CountJobsAsync(expected.Settings.Job.Name));
        }

        Assert.All(_expected, expected => Assert.InRange(expected.Ticks.Count, 5, int.MaxValue));
    }

    private DateTimeOffset Now => _engine.Clock.GetUtcNow();

    /// <summary>Kills one to five nodes just before, at, or just after the next tick, or in the middle of it.</summary>
    private async Task PassABoundaryAsync(Random random)
    {
        var next = _expected.Min(expected => expected.Next)!;
        var doomed = _nodes.OrderBy(_ => random.Next()).Take(random.Next(1, Nodes + 1)).ToList();
        var before = next.AddMilliseconds(-random.Next(0, 3));
        if (before > Now)
            _engine.Clock.Advance(before - Now);
        var after = TimeSpan.FromMilliseconds(random.Next(0, 3));
        switch (random.Next(3))
        {
            case 0:
                await Task.WhenAll(doomed.Select(KillAsync));
                _engine.Clock.Advance(next - Now + after);
                break;
            case 1:
                _engine.Clock.Advance(next - Now + after);
                await Task.WhenAll(doomed.Select(KillAsync));
                break;
            default:
                var killing = Task.WhenAll(doomed.Select(node => Task.Run(() => KillAsync(node))));
                _engine.Clock.Advance(next - Now + after);
                await killing;
                break;
        }
    }

    /// <summary>Kills all, and lets ticks be missed. What is made up for then depends on the time to the minute: not near to such a border.</summary>
    private async Task BeAwayAsync(Random random)
    {
        await Task.WhenAll(_nodes.ToList().Select(KillAsync));
        var until = _expected[0].Next.AddSeconds((10 * random.Next(0, 15)) + 3);
        _engine.Clock.Advance(until - Now);
    }

    /// <summary>Waits until all that is due has been taken, and notes what that had to be.</summary>
    private async Task SettleAsync()
    {
        var now = Now;
        foreach (var expected in _expected)
            expected.Note(now);
        while ((await _engine.Store.Jobs.ListSchedulesAsync(name: null, TestContext.Current.CancellationToken)).Any(schedule => schedule.NextAt <= now))
        {
            TestContext.Current.CancellationToken.ThrowIfCancellationRequested();

            // Whoever was started waits for nothing; the others, whose clock stood a little behind, look within a second.
            await Task.Yield();
            foreach (var node in _nodes)
                node.Scheduler.Changed();
        }
    }

    /// <summary>What the store has done is in the ledger a moment later.</summary>
    private async Task WrittenDownAsync()
    {
        var ticks = (await _engine.Store.Jobs.ListSchedulesAsync(name: null, TestContext.Current.CancellationToken)).Sum(schedule => schedule.Ticks);
        while (_ledger.Sum(entry => entry.Outcome.JobIds.Count) < ticks)
        {
            TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    private async Task PutAsync(string name, ScheduleRule rule, CatchUp catchUp)
    {
        Assert.True(Timetable.TryRead(rule, out var timetable, out _));
        var settings = new ScheduleSettings(name, rule, new NewJob(name, "{}"u8.ToArray())) { CatchUp = catchUp, CatchUpLimit = 1000, Overlap = Overlap.Allow };
        await _engine.Store.Jobs.PutScheduleAsync(settings, timetable.NextAfter(Now), declaration: null, CancellationToken.None);
        _expected.Add(new Expectation(settings, timetable, timetable.NextAfter(Now)!.Value));
    }

    private async Task StartAsync()
    {
        var (jobs, way) = DoomedJobs.To(_engine.Store.Jobs, _ledger);
        var (store, probe) = StoreProbe.Before(_engine.Store);
        probe.Answer("get_Jobs", () => jobs);
        var node = new Node(new Scheduler(store, [], _engine.Clock, NullLogger<Scheduler>.Instance), way);
        _nodes.Add(node);
        await node.Scheduler.StartAsync(CancellationToken.None);
    }

    private async Task KillAsync(Node node)
    {
        node.Way.Cut();
        Interlocked.Increment(ref _killed);
        await node.Scheduler.StopAsync(CancellationToken.None);
        node.Scheduler.Dispose();
        lock (_nodes)
            _nodes.Remove(node);
    }

    private async Task<ScheduleStatus> StatusAsync(string name) => Assert.Single(await _engine.Store.Jobs.ListSchedulesAsync(name, CancellationToken.None));

    private async Task<int> CountJobsAsync(string name)
    {
        var count = 0;
        for (long? before = null; ;)
        {
            var page = await _engine.Store.Jobs.ListAsync(new JobFilter { Name = name }, before, limit: 500, TestContext.Current.CancellationToken);
            count += page.Jobs.Count;
            if (page.ScannedTo is not { } next)
                return count;
            before = next;
        }
    }

    private static string Written(DateTimeOffset time) => time.UtcDateTime.ToString("HH:mm:ss", CultureInfo.InvariantCulture);

    private sealed record Node(Scheduler Scheduler, DoomedJobs Way);

    /// <summary>The ticks that a schedule has to have run, written down anew from its policy.</summary>
    private sealed class Expectation(ScheduleSettings settings, Timetable timetable, DateTimeOffset next)
    {
        public ScheduleSettings Settings { get; } = settings;

        public DateTimeOffset Next { get; private set; } = next;

        public List<DateTimeOffset> Ticks { get; } = [];

        public void Note(DateTimeOffset now)
        {
            var due = new List<DateTimeOffset>();
            for (; Next <= now; Next = timetable.NextAfter(Next)!.Value)
                due.Add(Next);
            Ticks.AddRange(Settings.CatchUp switch
            {
                CatchUp.None => due.Where(tick => now - tick <= TimeSpan.FromMinutes(1)),
                CatchUp.Latest => due.TakeLast(1),
                _ => due,
            });
        }
    }
}
