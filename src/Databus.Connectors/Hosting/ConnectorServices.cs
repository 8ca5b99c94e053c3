using Databus.Connectors.Feeds;
using Databus.Connectors.Http;
using Databus.Connectors.WordCounts;
using Databus.Sources;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Databus.Connectors.Hosting;

public static class ConnectorServices
{
    /// <summary>
    /// Adds the kinds of sources that read over HTTP (<c>feed</c>), the job <c>word-count</c> (<see cref="WordCount"/>) and the
    /// guarded client that they share.
    /// Wrong options stop the start of the host.
    /// </summary>
    public static IServiceCollection AddDatabusConnectors(
        this IServiceCollection services, Action<GuardedHttpOptions>? configure = null)
    {
        services.AddOptions<GuardedHttpOptions>()
            .Configure(options => configure?.Invoke(options))
            .ValidateOnStart();
        services.TryAddEnumerable(
            ServiceDescriptor.Singleton<IValidateOptions<GuardedHttpOptions>, GuardedHttpOptionsCheck>());
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<GuardedHttpClient>();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<ISourceKind, FeedSource>());
        return services.AddWordCount();
    }
}
