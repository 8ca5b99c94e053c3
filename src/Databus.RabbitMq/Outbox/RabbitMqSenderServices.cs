using Databus.RabbitMq.Connections;
using Microsoft.Extensions.DependencyInjection;

namespace Databus.RabbitMq.Outbox;

public static class RabbitMqSenderServices
{
    /// <summary>
    /// Says where <see cref="RabbitMqSender{T}"/> publishes messages of this type. The broker is that of
    /// <see cref="RabbitMqServices.AddRabbitMq"/>.
    /// </summary>
    /// <example>
    /// <code>
    /// services.AddRabbitMq(broker => broker.Uri = "amqp://127.0.0.1");
    /// services.AddOutboxMessage&lt;OrderPlaced, RabbitMqSender&lt;OrderPlaced>>("order-placed", ShopJson.Default.OrderPlaced);
    /// services.AddRabbitMqSender&lt;OrderPlaced>(sender => sender.Exchange = "orders");
    /// </code>
    /// </example>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public static IServiceCollection AddRabbitMqSender<T>(this IServiceCollection services, Action<RabbitMqSenderOptions<T>> configure)
        where T : notnull
    {
        var options = new RabbitMqSenderOptions<T>();
        configure(options);
        if (options.FindMistake() is { } mistake)
            throw new ArgumentException($"{typeof(T)}: {mistake}", nameof(configure));
        return services.AddSingleton(provider => new RabbitMqSender<T>(provider.GetRequiredService<Broker>(), options));
    }
}
