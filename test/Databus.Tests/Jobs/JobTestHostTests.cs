using System.Text;
using Databus.Hosting;
using Databus.Jobs;
using Databus.Jobs.Testing;
using Databus.Sqlite;
using Databus.Storage;
using Databus.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Databus.Tests.Jobs;

public sealed class JobTestHostTests : IAsyncLifetime
{
    private readonly FakeClock _clock = new();
    private readonly Script _script = new();
    private readonly TemporaryFolder _folder = new();
    private ServiceProvider _services = null!;
    private JobTestHost _jobs = null!;

    public async ValueTask InitializeAsync()
    {
        _services = new ServiceCollection()
            .AddLogging()
            .AddSingleton<TimeProvider>(_clock)
            .AddDatabus()
            .AddSqliteStore(new SqliteStoreOptions { DataDirectory = _folder.Path })
            .AddSingleton(_script)
            .AddJob<Work, Done, WorkHandler>("work", WorkJson.Default.Work, WorkJson.Default.Done)
            .AddJob<Summary, Done, SummaryHandler>("summary", WorkJson.Default.Summary, WorkJson.Default.Done)
            .BuildServiceProvider();
        _jobs = await JobTestHost.StartAsync(_services, _clock.Advance);
    }

    public async ValueTask DisposeAsync()
    {
        await _jobs.DisposeAsync();
        await _services.DisposeAsync();
        _folder.Dispose();
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task It_runs_what_there_is_until_nothing_is_left_and_time_passes_by_itself()
    {
        _script.Do = (work, context, _) =>
        {
            context.Log(LogLevel.Information, $"at {_clock.GetUtcNow():HH:mm}");
            return context.Attempt < 3 ? throw new InvalidOperationException("Again.") : Task.FromResult(new Done($"{work.Number}"));
        };
        var startedAt = _clock.GetUtcNow();
        var plan = _jobs.Client.Plan();
        plan.Add(new Work(1), new EnqueueOptions { Delay = TimeSpan.FromDays(1) }).Then(new Summary("then"));
        var outcomes = await plan.EnqueueAsync();
        Assert.Equal(0, await _jobs.RunDueAsync());
        Assert.Equal(4, await _jobs.RunAllAsync());
        var job = (await _jobs.Client.FindAsync(outcomes[0].Id))!;
        Assert.Equal(new Done("1"), _jobs.Client.ReadResult<Done>(job));
        Assert.Equal(JobState.Succeeded, (await _jobs.Client.FindAsync(outcomes[1].Id))!.State);
        Assert.InRange(_clock.GetUtcNow() - startedAt, TimeSpan.FromDays(1) + TimeSpan.FromSeconds(12), TimeSpan.FromDays(1) + TimeSpan.FromSeconds(19));
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task Jobs_that_handlers_enqueue_run_too()
    {
        _script.Do = async (work, _, _) =>
        {
            if (work.Number > 0)
                await _jobs.Client.EnqueueAsync(new Work(work.Number - 1), cancellationToken: CancellationToken.None);
            return new Done("");
        };
        await _jobs.Client.EnqueueAsync(new Work(5));
        Assert.Equal(6, await _jobs.RunAllAsync());
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task What_nobody_handles_is_parked_here_as_well()
    {
        var gone = await _services.GetRequiredService<IStore>().Jobs.EnqueueAsync([new NewJob("gone", Encoding.UTF8.GetBytes("{}"))], CancellationToken.None);
        await _jobs.RunAllAsync();
        Assert.Equal(JobState.Failed, (await _jobs.Client.FindAsync(gone[0].Id))!.State);
    }
}
