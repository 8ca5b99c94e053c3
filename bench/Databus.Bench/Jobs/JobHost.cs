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

/// <summary>Counts the starts, in the handler itself.</summary>
internal sealed class NothingHandler(Starts starts) : IJobHandler<Nothing, Done>
{
    public Task<Done> HandleAsync(Nothing job, JobContext context, CancellationToken cancellationToken)
    {
        starts.Add(job.Number);
        return Task.FromResult(new Done(job.Number));
    }
}

[JsonSerializable(typeof(Nothing))]
[JsonSerializable(typeof(Done))]
internal sealed partial class JobJson : JsonSerializerContext;

/// <summary>Who waits for starts.</summary>
internal sealed class Starts
{
    private long _count;
    private long _awaited = long.MaxValue;
    private TaskCompletionSource<long> _reached = new();

    public long Count => Interlocked.Read(ref _count);

    public void Add(int number)
    {
        _ = number;
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
        builder.Services.AddJob<Nothing, Done, NothingHandler>("nothing", JobJson.Default.Nothing, JobJson.Default.Done);
        var host = builder.Build();
        await host.StartAsync();
        return new JobHost(host);
    }

    /// <summary>Whether what waits is held back.</summary>
    public Task PauseAsync(bool paused) =>
        _host.Services.GetRequiredService<IStore>().Jobs.PutQueueAsync(NewJob.DefaultQueue, paused, limit: null, CancellationToken.None);

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync();
        if (_host is IAsyncDisposable disposable)
            await disposable.DisposeAsync();
    }
}
