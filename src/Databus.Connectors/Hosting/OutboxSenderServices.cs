using Databus.Connectors.Http;
using Databus.Connectors.RemoteTopics;
using Databus.Connectors.Webhooks;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Databus.Connectors.Hosting;

public static class OutboxSenderServices
{
    /// <summary>
    /// Says where <see cref="WebhookSender{T}"/> sends messages of this type. Wrong options stop the start of the host. Limits of all
    /// HTTP are those of <see cref="GuardedHttpOptions"/>.
    /// </summary>
    /// <example>
    /// <code>
    /// services.AddOutboxMessage&lt;OrderPlaced, WebhookSender&lt;OrderPlaced>>("order-placed", ShopJson.Default.OrderPlaced);
    /// services.AddWebhookSender&lt;OrderPlaced>(webhook =>
    /// {
    ///     webhook.Address = new Uri("https://partner.example/hooks");
    ///     webhook.Secrets.Add(secret);
    /// });
    /// </code>
    /// </example>
    public static IServiceCollection AddWebhookSender<T>(this IServiceCollection services, Action<WebhookOptions> configure)
        where T : notnull
    {
        var name = AddOptions<T, WebhookOptions>(services, configure, static options => options.FindMistake());
        services.TryAddSingleton<GuardedHttpClient>();
        return services.AddSingleton(provider => new WebhookSender<T>(
            provider.GetRequiredService<GuardedHttpClient>(),
            provider.GetRequiredService<IOptionsMonitor<WebhookOptions>>().Get(name),
            provider.GetRequiredService<TimeProvider>()));
    }

    /// <summary>
    /// Says to which topic of which Databus server <see cref="RemoteTopicSender{T}"/> adds messages of this type. Wrong options stop the
    /// start of the host.
    /// </summary>
    public static IServiceCollection AddRemoteTopicSender<T>(this IServiceCollection services, Action<RemoteTopicOptions> configure)
        where T : notnull
    {
        var name = AddOptions<T, RemoteTopicOptions>(services, configure, static options => options.FindMistake());
        services.TryAddSingleton<RemoteTopicClient>();
        return services.AddSingleton(provider => new RemoteTopicSender<T>(
            provider.GetRequiredService<RemoteTopicClient>(), provider.GetRequiredService<IOptionsMonitor<RemoteTopicOptions>>().Get(name)));
    }

    /// <summary>Options of their own for each type of message.</summary>
    private static string AddOptions<T, TOptions>(IServiceCollection services, Action<TOptions> configure, Func<TOptions, string?> findMistake)
        where TOptions : class
    {
        var name = typeof(T).FullName!;
        services.AddOptions<TOptions>(name).Configure(configure).ValidateOnStart();
        services.AddSingleton<IValidateOptions<TOptions>>(new Check<TOptions>(name, findMistake));
        services.AddOptions<GuardedHttpOptions>().ValidateOnStart();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<GuardedHttpOptions>, GuardedHttpOptionsCheck>());
        services.TryAddSingleton(TimeProvider.System);
        return name;
    }

    private sealed class Check<TOptions>(string name, Func<TOptions, string?> findMistake) : IValidateOptions<TOptions>
        where TOptions : class
    {
        public ValidateOptionsResult Validate(string? given, TOptions options)
        {
            if (given != name)
                return ValidateOptionsResult.Skip;
            return findMistake(options) is { } mistake ? ValidateOptionsResult.Fail($"{name}: {mistake}") : ValidateOptionsResult.Success;
        }
    }
}
