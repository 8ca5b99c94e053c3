using Databus.Nodes;
using Databus.Topics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Databus.Redis;

public static class RedisServices
{
    /// <summary>
    /// Adds the filter of known keys that nodes share over Redis. Wrong options stop the start of the host; a Redis that is
    /// not there does not, and does not delay it.
    /// </summary>
    public static IServiceCollection AddRedisKeys(this IServiceCollection services, Action<RedisOptions> configure)
    {
        services.AddOptions<RedisOptions>().Configure(configure).ValidateOnStart();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<RedisOptions>, RedisOptionsCheck>());
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<RedisKeys>();
        services.AddSingleton<ISharedKeys>(provider => provider.GetRequiredService<RedisKeys>());
        services.AddSingleton<NodeTroubles>(TroublesOfRedis);
        services.AddHostedService(provider => provider.GetRequiredService<RedisKeys>());
        return services;
    }

    private static NodeTroubles TroublesOfRedis(IServiceProvider provider)
    {
        var keys = provider.GetRequiredService<RedisKeys>();
        return () => keys.Warnings;
    }
}
