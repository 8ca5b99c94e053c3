using Databus.Access;
using Databus.Destinations;
using Databus.Jobs;
using Databus.Maintenance;
using Databus.Nodes;
using Databus.Schedules;
using Databus.Sources;
using Databus.Storage;
using Databus.Subscriptions;
using Databus.Telemetry;
using Databus.Topics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Databus.Hosting;

public static class DatabusServices
{
    /// <summary>Adds the engine. A store is added beside it, for example by <c>AddSqliteStore</c>.</summary>
    public static IServiceCollection AddDatabus(this IServiceCollection services, Action<DatabusOptions>? configure = null)
    {
        // Read here and not when the host starts: the roles say which services there are.
        var options = new DatabusOptions();
        configure?.Invoke(options);
        services.AddSingleton(Options.Create(options));
        services.TryAddSingleton(TimeProvider.System);

        services.AddSingleton<TopicSignals>();
        services.AddSingleton<DatabusMeter>();
        services.AddSingleton(provider => new KnownKeys(
            provider.GetRequiredService<IStore>(), options.RecentKeys, provider.GetService<ISharedKeys>(), provider.GetRequiredService<DatabusMeter>()));
        services.AddSingleton(provider => new TopicLog(
            provider.GetRequiredService<IStore>(), provider.GetRequiredService<TopicSignals>(), provider.GetRequiredService<KnownKeys>(),
            provider.GetRequiredService<DatabusMeter>()));
        services.AddSingleton(provider => new Fetcher(
            provider.GetRequiredService<IStore>(), provider.GetRequiredService<TopicSignals>(), provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<TokenVerifier>();
        services.AddSingleton<SourcePlanner>();
        services.AddSingleton<SourceListener>();
        services.AddSingleton(provider => new Dispatcher(
            provider.GetRequiredService<IStore>(), provider.GetRequiredService<Fetcher>(), provider.GetServices<IDestinationKind>(),
            provider.GetRequiredService<DatabusMeter>(), provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<Dispatcher>>()));
        services.AddSingleton<NodeTroubles>(TroublesOfDestinations);
        services.AddSingleton<NodeHeart>();
        AddJobs(services, options);
        AddSchedules(services);

        services.AddHostedService<StoreService>();
        if (options.Roles.HasFlag(NodeRoles.Scheduler))
        {
            services.AddHostedService<PurgeLoop>();
            services.AddHostedService(provider => provider.GetRequiredService<Scheduler>());
        }

        if (options.Roles.HasFlag(NodeRoles.Collector))
        {
            services.AddHostedService(provider => provider.GetRequiredService<SourcePlanner>());
            services.AddHostedService(provider => provider.GetRequiredService<SourceListener>());
        }

        if (options.Roles.HasFlag(NodeRoles.Worker))
        {
            services.AddHostedService(provider => provider.GetRequiredService<Dispatcher>());
        }

        if (RunsJobs(options))
        {
            services.AddHostedService(provider => provider.GetRequiredService<JobWorker>());
            services.AddHostedService<JobRescuer>();
        }

        return services;
    }

    private static void AddJobs(IServiceCollection services, DatabusOptions options)
    {
        services.AddSingleton<JobKinds>();
        services.AddSingleton<JobMeter>();
        services.AddSingleton<JobReports>();
        services.AddSingleton<UnknownJobs>();
        services.AddSingleton<JobRunner>();
        services.AddSingleton<JobWorker>();
        services.AddSingleton<OutsideWorkers>();
        services.AddSingleton(provider => new JobClient(
            provider.GetRequiredService<IStore>(), provider.GetRequiredService<JobKinds>(), provider.GetRequiredService<JobMeter>(),
            provider.GetRequiredService<TimeProvider>()));

        // Found when it is asked: the worker needs the node's heart, which asks.
        if (RunsJobs(options))
            services.AddSingleton<NodeTroubles>(provider => () => provider.GetRequiredService<JobWorker>().Warnings);

        // Every node knows it: whoever has the api's role may enqueue it as well.
        services.AddJob<PollSource, PollSourceResult, PollSourceHandler>(PollSource.JobName, PollSourceJson.Default.PollSource, PollSourceJson.Default.PollSourceResult, poll =>
        {
            poll.Queue = PollSource.Queue;
            poll.MaxAttempts = 1;
            poll.TimeLimit = PollSource.TimeLimit;
            poll.KeepFor = PollSource.KeptFor;
            poll.UniqueKey = job => job.Source;
        });
    }

    private static bool RunsJobs(DatabusOptions options) => (options.Roles & (NodeRoles.Worker | NodeRoles.Collector)) != NodeRoles.None;

    private static void AddSchedules(IServiceCollection services)
    {
        services.AddSingleton(provider =>
        {
            var kinds = provider.GetRequiredService<JobKinds>();
            return new Scheduler(
                provider.GetRequiredService<IStore>(), provider.GetServices<DeclaredSchedule>().Select(declared => declared.Describe(kinds)),
                provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<Scheduler>>());
        });
        services.AddSingleton(provider => new ScheduleClient(provider.GetRequiredService<IStore>(), provider.GetRequiredService<Scheduler>()));
    }

    private static NodeTroubles TroublesOfDestinations(IServiceProvider provider)
    {
        var dispatcher = provider.GetRequiredService<Dispatcher>();
        return () => dispatcher.Warnings;
    }
}
