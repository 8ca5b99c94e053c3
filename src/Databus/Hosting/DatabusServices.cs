using Databus.Access;
using Databus.Destinations;
using Databus.Maintenance;
using Databus.Nodes;
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
        services.AddSingleton<SourcePoller>();
        services.AddSingleton<SourceListener>();
        services.AddSingleton(provider => new Dispatcher(
            provider.GetRequiredService<IStore>(), provider.GetRequiredService<Fetcher>(), provider.GetServices<IDestinationKind>(),
            provider.GetRequiredService<DatabusMeter>(), provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<Dispatcher>>()));
        services.AddSingleton<NodeTroubles>(TroublesOfDestinations);
        services.AddSingleton<NodeHeart>();

        services.AddHostedService<StoreService>();
        if (options.Roles.HasFlag(NodeRoles.Scheduler))
            services.AddHostedService<PurgeLoop>();
        if (options.Roles.HasFlag(NodeRoles.Collector))
        {
            services.AddHostedService(provider => provider.GetRequiredService<SourcePoller>());
            services.AddHostedService(provider => provider.GetRequiredService<SourceListener>());
        }

        if (options.Roles.HasFlag(NodeRoles.Worker))
            services.AddHostedService(provider => provider.GetRequiredService<Dispatcher>());
        return services;
    }

    private static NodeTroubles TroublesOfDestinations(IServiceProvider provider)
    {
        var dispatcher = provider.GetRequiredService<Dispatcher>();
        return () => dispatcher.Warnings;
    }
}
