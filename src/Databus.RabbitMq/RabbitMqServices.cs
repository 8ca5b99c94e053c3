using Databus.Destinations;
using Databus.RabbitMq.Connections;
using Databus.RabbitMq.Destinations;
using Databus.RabbitMq.Sources;
using Databus.Sources;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Databus.RabbitMq;

public static class RabbitMqServices
{
    /// <summary>
    /// Adds the kind of destination <c>rabbitmq</c> and the kind of source <c>amqp</c>. Wrong options stop the start of the
    /// host; a broker that is not there does not.
    /// </summary>
    public static IServiceCollection AddRabbitMq(this IServiceCollection services, Action<RabbitMqOptions> configure)
    {
        services.AddOptions<RabbitMqOptions>().Configure(configure).ValidateOnStart();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<RabbitMqOptions>, RabbitMqOptionsCheck>());
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<Broker>();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IDestinationKind, RabbitMqDestinationKind>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IListeningSourceKind, AmqpSource>());
        return services;
    }
}
