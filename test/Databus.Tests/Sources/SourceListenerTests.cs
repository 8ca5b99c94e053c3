using System.Text;
using Databus.Sources;
using Databus.Storage;
using Databus.Topics;
using Microsoft.Extensions.Logging.Abstractions;

namespace Databus.Tests.Sources;

public sealed class SourceListenerTests : IAsyncLifetime
{
    private static readonly SourceSettings Street = new("street", "heard", "letters", new Uri("heard:street"));

    private readonly ScriptedListener _kind = new();
    private Engine _engine = null!;
    private SourceListener _listener = null!;

    public async ValueTask InitializeAsync()
    {
        _engine = await Engine.StartAsync();
        _listener = new SourceListener(_engine.Store, _engine.Log, [_kind], _engine.Clock, NullLogger<SourceListener>.Instance);
    }

    public async ValueTask DisposeAsync()
    {
        await _listener.StopAsync(CancellationToken.None);
        _listener.Dispose();
        await _engine.DisposeAsync();
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task What_comes_is_on_disk_when_the_inbox_says_so()
    {
        var inbox = await ListenAsync();
        Assert.Null(await TakeAsync(inbox, """{"a":1}""", key: null));
        Assert.Null(await TakeAsync(inbox, """{"a":1}""", key: null));
        Assert.Null(await TakeAsync(inbox, """{"a":1}""", "given"));
        Assert.NotNull(await TakeAsync(inbox, "[1]", key: null));
        Assert.Null(await inbox.TakeEventAsync("""{"specversion":"1.0","id":"7","source":"/shop","type":"sold"}"""u8.ToArray(), CancellationToken.None));
        Assert.NotNull(await inbox.TakeEventAsync("""{"id":"7"}"""u8.ToArray(), CancellationToken.None));
        var items = (await _engine.Store.ReadItemsAsync(await _engine.TopicAsync(), new ItemQuery(), CancellationToken.None)).Items;
        Assert.Equal([(null, "street"), ("given", "street"), ("/shop 7", "/shop")], items.Select(item => (item.Key, item.Source)));
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task How_it_goes_is_kept_soon_after_it_changed()
    {
        var inbox = await ListenAsync();
        inbox.Report(trouble: null);
        var status = await StatusAsync(status => status.LastOutcome == "listening");
        Assert.Equal((null, 0), (status.Error, status.Failures));
        Assert.Equal(status.LastPolledAt + TimeSpan.FromMinutes(1), status.NextPollAt);

        inbox.Report("The line is dead.");
        status = await StatusAsync(status => status.Failures > 0);
        Assert.Equal(("not listening", "The line is dead."), (status.LastOutcome, status.Error));
        await StatusAsync(status => status.Failures > 2);

        inbox.Report(trouble: null);
        status = await StatusAsync(status => status.Failures == 0);
        Assert.Equal(("listening", null), (status.LastOutcome, status.Error));
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task What_came_and_what_was_refused_is_counted()
    {
        var inbox = await ListenAsync();
        await TakeAsync(inbox, """{"a":1}""", key: null);
        await TakeAsync(inbox, """{"a":2}""", key: null);
        await TakeAsync(inbox, """{"a":2}""", key: null);
        var status = await StatusAsync(status => status.ItemsAdded == 2);
        Assert.Equal("added 2", status.LastOutcome);
        inbox.Refused("It rhymes.");
        status = await StatusAsync(status => status.Error is not null);
        Assert.Equal(("added 0, refused 1", "It rhymes.", 2), (status.LastOutcome, status.Error, status.ItemsAdded));
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task What_could_not_be_kept_is_told_later()
    {
        var inbox = await ListenAsync();
        _engine.Probe.FailNext(nameof(IStore.RecordPollAsync), new StoreException(StoreProblem.Busy, "busy"));
        await TakeAsync(inbox, """{"a":1}""", key: null);
        await StatusAsync(status => status.ItemsAdded == 1);
        Assert.Equal(2, _engine.Probe.Asked(nameof(IStore.RecordPollAsync)));
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task What_there_is_to_tell_is_told_at_the_end()
    {
        var inbox = await ListenAsync();
        await TakeAsync(inbox, """{"a":1}""", key: null);
        await _listener.StopAsync(CancellationToken.None);
        Assert.Equal(1, (await StatusAsync(_ => true)).ItemsAdded);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task A_source_that_changes_is_listened_to_anew_and_one_that_does_not_goes_on()
    {
        await ListenAsync();
        await PutAsync(Street with { Interval = TimeSpan.FromHours(3) });
        await PutAsync(Street with { Url = new Uri("heard:square") });
        Assert.Equal("letters heard:street", await _kind.NextStopAsync());
        Assert.Equal(new Uri("heard:square"), (await _kind.NextStartAsync()).Source.Url);
        await PutAsync(Street with { Url = new Uri("heard:square"), Paused = true });
        Assert.Equal("letters heard:square", await _kind.NextStopAsync());
        await PutAsync(Street);
        Assert.Equal(Street, (await _kind.NextStartAsync()).Source);
        await _engine.Store.DeleteSourceAsync("street", CancellationToken.None);
        _listener.Changed();
        Assert.Equal("letters heard:street", await _kind.NextStopAsync());
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task What_another_node_changed_is_seen_with_the_next_look()
    {
        await ListenAsync();
        await _engine.Store.PutSourceAsync(Street with { Name = "other" }, CancellationToken.None);
        var started = _kind.NextStartAsync().AsTask();
        await AdvanceUntilAsync(() => Task.FromResult(started.IsCompleted));
        Assert.Equal("other", (await started).Source.Name);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task A_kind_that_fails_is_asked_to_listen_again()
    {
        _kind.Failure = new InvalidOperationException("It broke.");
        await ListenAsync();
        var again = _kind.NextStartAsync().AsTask();
        await AdvanceUntilAsync(() => Task.FromResult(again.IsCompleted));
        (await again).Inbox.Report(trouble: null);
        await StatusAsync(status => status is { LastOutcome: "listening", Failures: 0 });
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task Sources_of_other_kinds_are_left_alone()
    {
        await _engine.Store.PutSourceAsync(Street with { Name = "feed", Kind = "feed" }, CancellationToken.None);
        await ListenAsync();
        await _listener.StopAsync(CancellationToken.None);
        Assert.Equal("letters heard:street", await _kind.NextStopAsync());
    }

    private static Task<string?> TakeAsync(SourceInbox inbox, string content, string? key) =>
        inbox.TakeAsync(Encoding.UTF8.GetBytes(content), key, CancellationToken.None);

    private async Task<SourceInbox> ListenAsync()
    {
        await _engine.Store.PutSourceAsync(Street, CancellationToken.None);
        await _listener.StartAsync(CancellationToken.None);
        return (await _kind.NextStartAsync()).Inbox;
    }

    private async Task PutAsync(SourceSettings source)
    {
        await _engine.Store.PutSourceAsync(source, CancellationToken.None);
        _listener.Changed();
    }

    /// <summary>The source once it is so.</summary>
    private async Task<SourceStatus> StatusAsync(Func<SourceStatus, bool> condition)
    {
        SourceStatus? status = null;
        await AdvanceUntilAsync(async () =>
            (await _engine.Store.ListSourcesAsync("street", TestContext.Current.CancellationToken)) is [var found] && condition(status = found));
        return status!;
    }

    /// <summary>Moves the clock second by second until it is so.</summary>
    private async Task AdvanceUntilAsync(Func<Task<bool>> condition)
    {
        while (!await condition())
        {
            TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
            _engine.Clock.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }
    }
}
