using Databus.Storage;
using Microsoft.Extensions.DependencyInjection;

namespace Databus.Jobs.Testing;

/// <summary>
/// Runs jobs within a test: no host, no background work, one job after the other on the caller's thread of control, and time
/// passes only where nothing is due. For services with <c>AddDatabus</c>, a store, the jobs, and a clock that stands still.
/// </summary>
/// <example>
/// <code>
/// await using var jobs = await JobTestHost.StartAsync(provider, clock.Advance);
/// var welcome = await jobs.Client.EnqueueAsync(new Welcome("Ada"));
/// await jobs.RunAllAsync();
/// Assert.Equal("Hello Ada", jobs.Client.ReadResult&lt;string&gt;((await jobs.Client.FindAsync(welcome.Id))!));
/// </code>
/// </example>
public sealed class JobTestHost : IAsyncDisposable
{
    private const string Owner = "test";
    private const int LargestClaim = 100;

    /// <summary>A job that enqueues itself would run for ever.</summary>
    private const int MostStarts = 100_000;

    /// <summary>Nobody else is there to take the jobs away, and no heartbeat holds them.</summary>
    private static readonly TimeSpan Lease = TimeSpan.FromDays(1);

    private readonly IStore _store;
    private readonly JobRunner _runner;
    private readonly JobReports _reports;
    private readonly Action<TimeSpan> _advance;

    private JobTestHost(IServiceProvider services, Action<TimeSpan> advance)
    {
        _store = services.GetRequiredService<IStore>();
        _runner = services.GetRequiredService<JobRunner>();
        _reports = services.GetRequiredService<JobReports>();
        _advance = advance;
        Client = services.GetRequiredService<JobClient>();
    }

    public JobClient Client { get; }

    /// <summary>Opens the store.</summary>
    /// <param name="advance">Moves the clock that is the services' <see cref="TimeProvider"/>, for example <c>FakeTimeProvider.Advance</c>.</param>
    public static async Task<JobTestHost> StartAsync(IServiceProvider services, Action<TimeSpan> advance)
    {
        var host = new JobTestHost(services, advance);
        host._store.Jobs.Changed += host.Client.Changed;
        await host._store.OpenAsync(CancellationToken.None);
        return host;
    }

    /// <summary>
    /// Runs what is due, moves the clock to what is due next, and so on until nothing waits for a time any more. Returns how
    /// many starts that were.
    /// </summary>
    /// <exception cref="InvalidOperationException">There is no end of it after 100 000 starts.</exception>
    public async Task<int> RunAllAsync(CancellationToken cancellationToken = default)
    {
        int starts = 0, rounds = 0;
        while (true)
        {
            if (++rounds > MostStarts)
                throw NoEnd();
            var (started, nextDueAt) = await RunUntilNothingIsDueAsync(MostStarts - starts, cancellationToken);
            starts += started;
            if (nextDueAt is not { } due)
                return starts;
            _advance(due > _store.Now ? due - _store.Now : TimeSpan.FromMilliseconds(1));
        }
    }

    /// <summary>Runs what is due now, and what becomes due by that. Returns how many starts that were.</summary>
    /// <inheritdoc cref="RunAllAsync"/>
    public async Task<int> RunDueAsync(CancellationToken cancellationToken = default) =>
        (await RunUntilNothingIsDueAsync(MostStarts, cancellationToken)).Starts;

    /// <summary>Closes the store.</summary>
    public ValueTask DisposeAsync() => _store.DisposeAsync();

    private async Task<(int Starts, DateTimeOffset? NextDueAt)> RunUntilNothingIsDueAsync(int most, CancellationToken cancellationToken)
    {
        for (var starts = 0; ;)
        {
            var claims = await _store.Jobs.ClaimAsync(new JobClaim(Owner, Queues: null, LargestClaim, Lease), cancellationToken);
            foreach (var job in claims.Jobs)
            {
                if (++starts > most)
                    throw NoEnd();
                await RunAsync(job, cancellationToken);
            }

            if (claims.Jobs.Count == 0 && !claims.More)
                return (starts, claims.NextDueAt);
        }
    }

    private static InvalidOperationException NoEnd() => new($"There is no end of jobs after {MostStarts} starts.");

    private async Task RunAsync(ClaimedJob job, CancellationToken cancellationToken)
    {
        using var run = _runner.Prepare(job, askedAt: 0);
        var completion = await _runner.RunAsync(run);
        await _reports.KeepAsync([run], cancellationToken);
        await _store.Jobs.CompleteAsync([completion], cancellationToken);
    }
}
