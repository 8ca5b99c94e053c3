using System.Diagnostics.CodeAnalysis;
using System.Text;
using Databus.Jobs;
using Databus.Sources;
using Databus.Storage;
using Databus.Topics;
using Microsoft.Extensions.DependencyInjection;

namespace Databus.Tests.Sources;

public sealed class SourcePlannerTests : IAsyncLifetime
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(5);
    private static readonly SourceSettings News = new("news", "scripted", "letters", new Uri("https://example.org/feed")) { Interval = Interval };

    private Engine _engine = null!;
    private PollNode? _node;

    public async ValueTask InitializeAsync() => _engine = await Engine.StartAsync();

    public async ValueTask DisposeAsync()
    {
        if (_node is not null)
            await _node.DisposeAsync();
        await _engine.DisposeAsync();
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task A_new_source_is_polled_at_once_and_its_items_are_appended()
    {
        await PutAsync(News);
        var kind = await StartAsync(ScriptedKind.Read("etag-1", 1, 2));
        Assert.Equal(new PollRequest(News.Url, State: null), await kind.NextRequestAsync());

        var status = await PolledAsync();
        Assert.Equal(("added 2 of 2", "etag-1", null), (status.LastOutcome, status.State, status.Error));
        Assert.Equal((2, Now, Now + Interval), (status.ItemsAdded, status.LastPolledAt, status.NextPollAt));
        var items = await ItemsAsync();
        Assert.Equal(["news/1", "news/2"], items.Select(item => item.Key));
        Assert.All(items, item => Assert.Equal("news", item.Source));
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task It_is_polled_again_after_its_interval_with_what_it_remembered()
    {
        await PutAsync(News);
        var kind = await StartAsync(ScriptedKind.Read("etag-1", 1), ScriptedKind.Read(state: null, 1, 2), new PollResult(PollOutcome.NotModified));
        Assert.Null((await kind.NextRequestAsync()).State);
        await PolledAsync();

        var second = kind.NextRequestAsync().AsTask();
        await AdvanceUntilAsync(second);
        Assert.Equal("etag-1", (await second).State);
        var status = await PolledAsync(2);
        Assert.Equal(("added 1 of 2", "etag-1"), (status.LastOutcome, status.State));

        var third = kind.NextRequestAsync().AsTask();
        await AdvanceUntilAsync(third);
        Assert.Equal("etag-1", (await third).State);
        Assert.Equal("not modified", (await PolledAsync(3)).LastOutcome);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task It_is_not_polled_before_its_interval_is_over()
    {
        await PutAsync(News);
        var kind = await StartAsync(ScriptedKind.Read("etag-1", 1));
        await kind.NextRequestAsync();
        var first = await PolledAsync();
        var second = kind.NextRequestAsync().AsTask();
        await AdvanceUntilAsync(second);
        Assert.InRange((await PolledAsync(2)).LastPolledAt!.Value, first.LastPolledAt!.Value + Interval, DateTimeOffset.MaxValue);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task What_is_listed_for_longer_than_the_window_does_not_come_again()
    {
        await PutAsync(News);
        await _engine.Store.PutTopicAsync("letters", new TopicSettings { Window = TimeSpan.FromMinutes(1) }, CancellationToken.None);
        await StartAsync(ScriptedKind.Read("etag-1", 1));
        await PolledAsync();
        _engine.Clock.Advance(TimeSpan.FromDays(400));
        await AskAsync();
        Assert.Equal("added 0 of 1", (await PolledAsync(2)).LastOutcome);
        Assert.Single(await ItemsAsync());
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task The_state_is_kept_only_once_the_items_are_on_disk()
    {
        await PutAsync(News);
        _engine.Probe.FailNext(nameof(IStore.AppendAsync), new StoreException(StoreProblem.DiskFull, "full"));
        var kind = await StartAsync(ScriptedKind.Read("etag-1", 1), ScriptedKind.Read("etag-2", 1));
        await kind.NextRequestAsync();

        var again = kind.NextRequestAsync().AsTask();
        await AdvanceUntilAsync(again);
        Assert.Null((await again).State);
        Assert.Equal("etag-2", (await PolledAsync()).State);
        Assert.Single(await ItemsAsync());
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task When_the_end_of_a_poll_could_not_be_kept_it_is_polled_again_and_adds_nothing_twice()
    {
        await PutAsync(News);
        _engine.Probe.FailNext(nameof(IStore.RecordPollAsync), new StoreException(StoreProblem.Busy, "busy"));
        var kind = await StartAsync(ScriptedKind.Read("etag-1", 1));
        await kind.NextRequestAsync();
        var again = kind.NextRequestAsync().AsTask();
        await AdvanceUntilAsync(again);
        Assert.Equal("added 0 of 1", (await PolledAsync(2)).LastOutcome);
        Assert.Single(await ItemsAsync());
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task A_failing_source_is_tried_later_each_time_and_from_anew_once_it_works()
    {
        await PutAsync(News);
        await StartAsync(
            ScriptedKind.Read("etag-1", 1), ScriptedKind.Failed("no answer"), ScriptedKind.Failed("no answer"),
            ScriptedKind.Failed("no answer"), ScriptedKind.Read("etag-2", 2));
        await PolledAsync();
        for (var failures = 1; failures <= 3; failures++)
        {
            await AskAsync();
            var status = await PolledAsync(1 + failures);
            Assert.Equal(("failed", "no answer", failures, "etag-1"), (status.LastOutcome, status.Error, status.Failures, status.State));
            var wait = Interval * Math.Pow(2, failures - 1);
            Assert.InRange(status.NextPollAt!.Value - Now, wait, wait * 1.2);
        }

        await AskAsync();
        var well = await PolledAsync(5);
        Assert.Equal((0, null, Now + Interval), (well.Failures, well.Error, well.NextPollAt));
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task One_that_is_gone_is_not_polled_any_more()
    {
        await PutAsync(News);
        await StartAsync(new PollResult(PollOutcome.Gone) { Error = "The address is gone." }, ScriptedKind.Read("etag-1", 1));
        var status = await PolledAsync();
        Assert.Equal(("gone", "The address is gone.", null), (status.LastOutcome, status.Error, status.NextPollAt));
        await AssertNotPolledAsync("news");
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task One_that_moved_is_polled_at_its_new_address()
    {
        var moved = new Uri("https://example.com/moved");
        await PutAsync(News);
        var kind = await StartAsync(ScriptedKind.Read("etag-1", 1) with { MovedTo = moved }, ScriptedKind.Read("etag-2", 2));
        await kind.NextRequestAsync();
        Assert.Equal(moved, (await PolledAsync()).Settings.Url);
        await AskAsync();
        Assert.Equal(new PollRequest(moved, "etag-1"), await kind.NextRequestAsync());
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task A_paused_one_is_polled_only_when_asked()
    {
        await PutAsync(News with { Paused = true });
        await StartAsync(ScriptedKind.Read("etag-1", 1));
        await AssertNotPolledAsync("news");
        await AskAsync();
        Assert.Equal("added 1 of 1", (await PolledAsync()).LastOutcome);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task Asked_while_it_is_polled_it_is_polled_once_more()
    {
        var held = new TaskCompletionSource();
        await PutAsync(News);
        var kind = await StartAsync(held.Task, ScriptedKind.Read("etag-1", 1));
        await kind.NextRequestAsync();
        Assert.True(await IsPolledAsync("news"));
        await AskAsync();
        held.SetResult();
        var again = kind.NextRequestAsync().AsTask();
        await AdvanceUntilAsync(again);
        Assert.False((await PolledAsync(2)).IsAskedFor);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task Few_are_polled_at_the_same_time_and_the_others_follow()
    {
        var held = new TaskCompletionSource();
        foreach (var number in Enumerable.Range(1, 10))
            await PutAsync(News with { Name = $"news-{number}" });
        var kind = await StartAsync(held.Task, ScriptedKind.Read("etag-1", 1));
        for (var polled = 0; polled < 4; polled++)
            await kind.NextRequestAsync();
        Assert.Equal(4, (await _engine.Store.ListSourcesAsync(name: null, CancellationToken.None)).Count(source => source.IsPolling));
        held.SetResult();
        for (var polled = 4; polled < 10; polled++)
            await kind.NextRequestAsync();
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task Two_sources_may_both_have_an_item_of_the_same_name()
    {
        await PutAsync(News);
        await PutAsync(News with { Name = "other" });
        await StartAsync(ScriptedKind.Read("etag-1", 1));
        await PolledAsync("news", polls: 1);
        await PolledAsync("other", polls: 1);
        Assert.Equal(["news/1", "other/1"], (await ItemsAsync()).Select(item => item.Key!).Order(StringComparer.Ordinal));
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task An_item_that_is_no_object_is_refused_and_the_others_are_taken()
    {
        await PutAsync(News);
        var result = ScriptedKind.Read("etag-1", 1, 2);
        await StartAsync(result with { Items = [result.Items[0], new SourceItem("bad", "[1]"u8.ToArray()), result.Items[1]] });
        var status = await PolledAsync();
        Assert.Equal("added 2 of 3", status.LastOutcome);
        Assert.NotNull(status.Error);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task A_kind_nobody_knows_fails_with_its_name()
    {
        await PutAsync(News with { Kind = "carrier-pigeon" });
        await StartAsync(ScriptedKind.Read("etag-1", 1));
        var status = await PolledAsync();
        Assert.Equal(1, status.Failures);
        Assert.Contains("carrier-pigeon", status.Error, StringComparison.Ordinal);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task A_store_that_fails_for_a_moment_does_not_end_the_polling()
    {
        await PutAsync(News);
        _engine.Probe.FailNext(nameof(IStore.ListSourcesAsync), new StoreException(StoreProblem.Busy, "busy"));
        var kind = await StartAsync(ScriptedKind.Read("etag-1", 1));
        var polled = kind.NextRequestAsync().AsTask();
        await AdvanceUntilAsync(polled);
        await PolledAsync();
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task One_that_takes_too_long_has_failed()
    {
        await PutAsync(News);
        var kind = await StartAsync(new TaskCompletionSource().Task, ScriptedKind.Read("etag-1", 1));
        await kind.NextRequestAsync();
        _engine.Clock.Advance(PollSource.LongestRead);
        var status = await PolledAsync();
        Assert.Equal(("failed", 1), (status.LastOutcome, status.Failures));
        Assert.Contains("90 s", status.Error, StringComparison.Ordinal);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task Of_two_nodes_one_polls_a_source_that_is_due()
    {
        // As many as one node polls at once, so that neither waits for the clock, which stands still.
        string[] names = ["a", "b", "c", "d"];
        foreach (var name in names)
            await PutAsync(News with { Name = name });
        for (var round = 1; round <= 25; round++)
        {
            var here = new ScriptedKind(ScriptedKind.Read("etag-1", round));
            var there = new ScriptedKind(ScriptedKind.Read("etag-1", round));
            await using var one = await CreateAsync(here);
            await using var other = await CreateAsync(there);
            foreach (var name in names)
                await PolledAsync(name, names.Length * round);
            Assert.Equal(names.Length, here.Polls + there.Polls);
            Assert.Equal(names.Length * round, (await ItemsAsync()).Count);
            foreach (var name in names)
                Assert.True(await _engine.Store.AskForPollAsync(name, CancellationToken.None));
        }
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task Each_poll_is_a_job_that_says_how_it_went()
    {
        await PutAsync(News);
        await StartAsync(
            ScriptedKind.Read("etag-1", 1, 2), new PollResult(PollOutcome.NotModified), ScriptedKind.Failed("no answer"),
            new PollResult(PollOutcome.Gone) { Error = "The address is gone." });
        await PolledAsync();
        for (var polls = 2; polls <= 4; polls++)
        {
            await AskAsync();
            await PolledAsync(polls);
        }

        var jobs = await JobsAsync();
        Assert.All(jobs, job => Assert.Equal(("poll-source", "sources", """{"source":"news"}""", 1), (job.Name, job.Queue, Encoding.UTF8.GetString(job.Arguments), job.Attempt)));
        Assert.Equal(
            [
                (JobState.Succeeded, """{"outcome":"read","found":2,"added":2}""", null), (JobState.Succeeded, """{"outcome":"not-modified"}""", null),
                (JobState.Failed, null, "no answer"), (JobState.Failed, null, "The address is gone."),
            ],
            jobs.Select(job => (job.State, job.Result is null ? null : Encoding.UTF8.GetString(job.Result), job.Error)));
        _engine.Clock.Advance(TimeSpan.FromDays(1) + TimeSpan.FromSeconds(1));
        while ((await _engine.Store.PurgeStepAsync(CancellationToken.None)).More)
        {
        }

        Assert.Null(await _engine.Store.Jobs.FindAsync(jobs[0].Id, CancellationToken.None));
    }

    [Theory(Timeout = Engine.Patience)]
    [InlineData("polled", "The source was polled meanwhile.")]
    [InlineData("paused", "The source is paused.")]
    [InlineData("gone", "The source is gone.")]
    [InlineData("deleted", "There is no source of this name.")]
    public async Task A_job_whose_source_is_not_due_any_more_reads_nothing(string meanwhile, string reason)
    {
        // Nobody is there yet to run it.
        await PutAsync(News);
        await _engine.Store.Jobs.EnqueueAsync(
            [new NewJob(PollSource.JobName, """{"source":"news"}"""u8.ToArray()) { Queue = PollSource.Queue }], CancellationToken.None);
        if (meanwhile == "paused")
            await PutAsync(News with { Paused = true });
        else if (meanwhile == "deleted")
            await _engine.Store.DeleteSourceAsync("news", CancellationToken.None);
        else
            await RecordAsync(meanwhile == "gone" ? null : Now + Interval);
        var kind = await StartAsync(ScriptedKind.Read("etag-1", 1));
        while (!(await JobsAsync()).TrueForAll(job => job.State == JobState.Succeeded))
            await Task.Yield();
        Assert.Equal($$"""{"outcome":"not-due","reason":"{{reason}}"}""", Encoding.UTF8.GetString(Assert.Single(await JobsAsync()).Result!));
        Assert.Equal(0, kind.Polls);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task What_a_node_that_was_frozen_has_to_say_about_a_source_is_too_late()
    {
        var held = new TaskCompletionSource();
        await PutAsync(News);
        var kind = await StartAsync(held.Task, ScriptedKind.Read("etag-old", 1), ScriptedKind.Read("etag-new", 1));
        await kind.NextRequestAsync();
        _engine.Clock.Advance(TimeSpan.FromSeconds(20));
        await RecordAsync(Now + Interval, "etag-new");
        held.SetResult();
        Assert.Equal("etag-new", (await PolledAsync(2)).State);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task A_poll_of_which_nothing_can_be_kept_is_not_repeated_at_once()
    {
        await PutAsync(News);
        for (var failures = 0; failures < 3; failures++)
            _engine.Probe.FailNext(nameof(IStore.RecordPollAsync), new StoreException(StoreProblem.Busy, "busy"));
        var startedAt = Now;
        var kind = await StartAsync(ScriptedKind.Read("etag-1", 1));
        for (var polls = 1; polls <= 4; polls++)
            await AdvanceUntilAsync(kind.NextRequestAsync().AsTask());
        await PolledAsync(4);
        Assert.InRange(Now - startedAt, TimeSpan.FromSeconds(15), TimeSpan.MaxValue);
        Assert.Equal(4, (await JobsAsync()).Count);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task What_another_node_changed_is_seen_within_seconds_without_a_word()
    {
        var kind = await StartAsync(ScriptedKind.Read("etag-1", 1));
        await _engine.Clock.WhenTimerInAsync(TimeSpan.FromSeconds(5));
        await PutAsync(News);
        _engine.Clock.Advance(TimeSpan.FromSeconds(5));
        await kind.NextRequestAsync();
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task What_is_listened_to_is_never_polled()
    {
        await PutAsync(News with { Kind = "ears" });
        _node = await PollNode.StartAsync(
            _engine, services => services.AddSingleton<ISourceKind>(new ScriptedKind(ScriptedKind.Read("etag-1", 1))).AddSingleton<IListeningSourceKind>(new Ears()));
        await AssertNotPolledAsync("news");
    }

    private async Task<List<JobStatus>> JobsAsync() =>
        [.. (await _engine.Store.Jobs.ListAsync(new JobFilter(), before: null, 100, CancellationToken.None)).Jobs.Reverse()];

    private Task RecordAsync(DateTimeOffset? nextPollAt, string? state = null) => _engine.Store.RecordPollAsync(
        "news", new PollRecord(News.Url, Now, nextPollAt, "added 0 of 0", Error: null, Failures: 0, ItemsAdded: 0, state, MovedTo: null), CancellationToken.None);

    private DateTimeOffset Now => _engine.Clock.GetUtcNow();

    private Task<bool> PutAsync(SourceSettings source) => _engine.Store.PutSourceAsync(source, CancellationToken.None);

    private Task<ScriptedKind> StartAsync(params PollResult[] results) => StartAsync(Task.CompletedTask, results);

    private async Task<ScriptedKind> StartAsync(Task until, params PollResult[] results)
    {
        var kind = new ScriptedKind(results) { Until = until };
        _node = await CreateAsync(kind);
        return kind;
    }

    private Task<PollNode> CreateAsync(ISourceKind kind) => PollNode.StartAsync(_engine, services => services.AddSingleton(kind));

    private async Task AskAsync() => Assert.True(await _node!.Planner.PollNowAsync("news", CancellationToken.None));

    private async Task<bool> IsPolledAsync(string source) =>
        Assert.Single(await _engine.Store.ListSourcesAsync(source, TestContext.Current.CancellationToken)).IsPolling;

    /// <summary>The source once this many of its polls have been kept.</summary>
    private Task<SourceStatus> PolledAsync(int polls = 1) => PolledAsync("news", polls);

    private async Task<SourceStatus> PolledAsync(string source, int polls)
    {
        // Each turn of the loop gives the poller its own; the test's time limit ends a wait in vain.
        while (true)
        {
            TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
            if (_engine.Probe.Asked(nameof(IStore.RecordPollAsync)) >= polls
                && Assert.Single(await _engine.Store.ListSourcesAsync(source, TestContext.Current.CancellationToken)) is { LastPolledAt: not null, PollJobId: null } status)
            {
                return status;
            }

            await Task.Yield();
        }
    }

    /// <summary>Shows that a source is left alone while another, which is due again and again, is polled twice.</summary>
    private async Task AssertNotPolledAsync(string source)
    {
        var before = Assert.Single(await _engine.Store.ListSourcesAsync(source, CancellationToken.None));
        var asked = _engine.Probe.Asked(nameof(IStore.RecordPollAsync));
        await PutAsync(News with { Name = "busy" });
        _node!.Planner.Changed();
        await PolledAsync("busy", asked + 1);
        _engine.Clock.Advance(TimeSpan.FromDays(100));
        _node.Planner.Changed();
        await PolledAsync("busy", asked + 2);
        Assert.Equal(before, Assert.Single(await _engine.Store.ListSourcesAsync(source, CancellationToken.None)));
        await _engine.Store.DeleteSourceAsync("busy", CancellationToken.None);
    }

    /// <summary>Moves the clock second by second until it has happened.</summary>
    private async Task AdvanceUntilAsync(Task happened)
    {
        while (!happened.IsCompleted)
        {
            TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
            _engine.Clock.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }
    }

    private async Task<IReadOnlyList<Item>> ItemsAsync() =>
        (await _engine.Store.ReadItemsAsync(await _engine.TopicAsync(), new ItemQuery(), CancellationToken.None)).Items;

    /// <summary>A kind of source that brings its items by itself, and brings none.</summary>
    private sealed class Ears : IListeningSourceKind
    {
        public string Name => "ears";

        public bool Accepts(Uri address, [NotNullWhen(false)] out string? refusal)
        {
            refusal = null;
            return true;
        }

        public Task ListenAsync(SourceSettings source, SourceInbox inbox, CancellationToken cancellationToken) =>
            Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
    }
}
