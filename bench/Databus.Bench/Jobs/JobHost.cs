using System.Globalization;
using System.Text.Json.Serialization;
using Databus.Hosting;
using Databus.Jobs;
using Databus.Nodes;
using Databus.Postgres;
using Databus.Sqlite;
using Databus.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Databus.Bench.Jobs;

/// <summary>A job that does nothing, with a small argument.</summary>
internal sealed record Nothing(int Number);

internal sealed record Done(int Number);

/// <summary>The same, each with a key of its own that no other job may have meanwhile.</summary>
internal sealed record UniqueNothing(int Number);

/// <summary>The same, where no more than so many of a hundredth of them may run at once.</summary>
internal sealed record LimitedNothing(int Number);

/// <summary>The same, where no more than so many of a hundredth of them may start in a second.</summary>
internal sealed record RatedNothing(int Number);

/// <summary>Counts the starts, in the handler itself.</summary>
internal sealed class NothingHandler<TJob>(Starts starts) : IJobHandler<TJob, Done>
{
    private static readonly Task<Done> Done = Task.FromResult(new Done(1));

    public Task<Done> HandleAsync(TJob job, JobContext context, CancellationToken cancellationToken)
    {
        starts.Add();
        return Done;
    }
}

[JsonSerializable(typeof(Nothing))]
[JsonSerializable(typeof(UniqueNothing))]
[JsonSerializable(typeof(LimitedNothing))]
[JsonSerializable(typeof(RatedNothing))]
[JsonSerializable(typeof(Done))]
internal sealed partial class JobJson : JsonSerializerContext;

/// <summary>Who waits for starts.</summary>
internal sealed class Starts
{
    private long _count;
    private long _awaited = long.MaxValue;
    private TaskCompletionSource<long> _reached = new();

    public long Count => Interlocked.Read(ref _count);

    public void Add()
    {
        if (Interlocked.Increment(ref _count) == Interlocked.Read(ref _awaited))
            _reached.TrySetResult(System.Diagnostics.Stopwatch.GetTimestamp());
    }

    /// <summary>The timestamp of the start with this number from now. Before it can come.</summary>
    public Task<long> After(long more)
    {
        _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Interlocked.Exchange(ref _awaited, Count + more);
        return _reached.Task;
    }
}

/// <summary>Databus in this process, as an application embeds it.</summary>
internal sealed class JobHost : IAsyncDisposable
{
    private readonly IHost _host;

    private JobHost(IHost host) => _host = host;

    public Starts Starts => _host.Services.GetRequiredService<Starts>();

    public JobClient Jobs => _host.Services.GetRequiredService<JobClient>();

    /// <summary>On a PostgreSQL database, or in a folder.</summary>
    /// <param name="works">False: it only enqueues.</param>
    public static async Task<JobHost> StartAsync(string? postgres, string folder, bool works)
    {
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddDatabus(options =>
        {
            options.Roles = works ? NodeRoles.Worker | NodeRoles.Scheduler : NodeRoles.Scheduler;
            options.JobConcurrency = 500;
        });
        if (postgres is null)
            builder.Services.AddSqliteStore(new SqliteStoreOptions { DataDirectory = folder });
        else
            builder.Services.AddPostgresStore(new PostgresStoreOptions { ConnectionString = postgres });
        builder.Services.AddSingleton<Starts>();
        builder.Services.AddJob<Nothing, Done, NothingHandler<Nothing>>("nothing", JobJson.Default.Nothing, JobJson.Default.Done);
        builder.Services.AddJob<UniqueNothing, Done, NothingHandler<UniqueNothing>>(
            "unique", JobJson.Default.UniqueNothing, JobJson.Default.Done, job => job.UniqueKey = one => one.Number.ToString(CultureInfo.InvariantCulture));
        builder.Services.AddJob<LimitedNothing, Done, NothingHandler<LimitedNothing>>(
            "limited", JobJson.Default.LimitedNothing, JobJson.Default.Done, job => job.Limit = one => new JobLimit(Key(one.Number), MaxRunning: 1000));
        builder.Services.AddJob<RatedNothing, Done, NothingHandler<RatedNothing>>(
            "rated", JobJson.Default.RatedNothing, JobJson.Default.Done,
            job => job.Limit = one => new JobLimit(Key(one.Number), MaxStarts: 10_000, Per: TimeSpan.FromSeconds(1)));
        var host = builder.Build();
        await host.StartAsync();
        return new JobHost(host);
    }

    /// <summary>Whether what waits is held back.</summary>
    public Task PauseAsync(bool paused) =>
        _host.Services.GetRequiredService<IStore>().Jobs.PutQueueAsync(NewJob.DefaultQueue, paused, limit: null, CancellationToken.None);

    private static string Key(int number) => (number % 100).ToString(CultureInfo.InvariantCulture);

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync();
        if (_host is IAsyncDisposable disposable)
            await disposable.DisposeAsync();
    }
}
