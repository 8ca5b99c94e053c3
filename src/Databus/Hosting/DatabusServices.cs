using Databus.Access;
using Databus.Maintenance;
using Databus.Sources;
using Databus.Storage;
using Databus.Subscriptions;
using Databus.Telemetry;
using Databus.Topics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Databus.Hosting;

public static class DatabusServices
{
    /// <summary>Adds the engine. A store is added beside it, for example by <c>AddSqliteStore</c>.</summary>
    public static IServiceCollection AddDatabus(this IServiceCollection services, Action<DatabusOptions>? configure = null)
    {
        services.AddOptions<DatabusOptions>();
        if (configure is not null)
            services.Configure(configure);
        services.TryAddSingleton(TimeProvider.System);

        services.AddSingleton<TopicSignals>();
        services.AddSingleton<DatabusMeter>();
        services.AddSingleton(provider => new TopicLog(
            provider.GetRequiredService<IStore>(), provider.GetRequiredService<TopicSignals>(), provider.GetRequiredService<DatabusMeter>()));
        services.AddSingleton(provider => new Fetcher(
            provider.GetRequiredService<IStore>(), provider.GetRequiredService<TopicSignals>(), provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<TokenVerifier>();
        services.AddSingleton<SourcePoller>();

        services.AddHostedService<StoreService>();
        services.AddHostedService<PurgeLoop>();
        services.AddHostedService(provider => provider.GetRequiredService<SourcePoller>());
        return services;
    }
}
