using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization.Metadata;
using Databus.Storage;
using Databus.Topics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace Databus.Outbox;

public static class OutboxServices
{
    /// <summary>
    /// Adds the transactional outbox: the <see cref="OutboxClient"/>, the <see cref="Inbox"/>, and the relay that sends in the background.
    /// Where it is kept is added beside it, for example by <c>AddPostgresOutbox</c>.
    /// </summary>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    /// <exception cref="InvalidOperationException">There is an outbox already.</exception>
    public static IServiceCollection AddOutbox(this IServiceCollection services, Action<OutboxOptions>? configure = null)
    {
        if (services.Any(service => service.ServiceType == typeof(OutboxClient)))
            throw new InvalidOperationException("There is an outbox already: one application has one.");
        var options = new OutboxOptions();
        configure?.Invoke(options);
        if (options.BatchesAtOnce is < 1 or > 64)
            throw new ArgumentException("BatchesAtOnce is not from 1 to 64.", nameof(configure));
        if (options.Lease < TimeSpan.FromSeconds(2) || options.Lease > TimeSpan.FromMinutes(10))
            throw new ArgumentException("Lease is not from 2 s to 10 minutes.", nameof(configure));
        if (options.DrainTime < TimeSpan.Zero || options.KeepHandledFor <= TimeSpan.Zero)
            throw new ArgumentException("DrainTime or KeepHandledFor is below 0.", nameof(configure));

        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(options);
        services.AddSingleton<OutboxTypes>();
        services.AddSingleton<OutboxMeter>();
        services.AddSingleton<OutboxCircuits>();
        services.AddSingleton(provider => new OutboxLeases(
            provider.GetRequiredService<IOutboxStore>(), options.Lease, provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<OutboxLeases>>()));
        services.AddSingleton<OutboxCompletions>();
        services.AddSingleton<OutboxSends>();
        services.AddSingleton<OutboxRelay>();
        services.AddSingleton<OutboxFlush>();
        services.AddSingleton<UnsettledTransactions>();
        services.AddSingleton(provider => new OutboxClient(
            provider.GetRequiredService<IOutboxStore>(), provider.GetRequiredService<OutboxTypes>(), provider.GetRequiredService<OutboxSends>(),
            provider.GetRequiredService<UnsettledTransactions>(), provider.GetRequiredService<OutboxFlush>(), options));
        services.AddSingleton(provider => new Inbox(provider.GetRequiredService<IOutboxStore>()));
        services.AddSingleton(provider => new OutboxHealth(
            provider.GetRequiredService<IOutboxStore>(), provider.GetRequiredService<OutboxCircuits>(), options, provider.GetRequiredService<TimeProvider>()));
        services.AddHostedService<OutboxHost>();
        return services;
    }

    /// <summary>
    /// Adds a type of message and its sender: an <see cref="IOutboxSender{T}"/> or an <see cref="IOutboxBatchSender{T}"/>.
    /// That no name and no type stands for two is checked when the host starts.
    /// </summary>
    /// <param name="name">Under which it is recorded, for good; a valid resource name.</param>
    /// <exception cref="ArgumentException">A name or an option is out of range, or the sender is none.</exception>
    public static IServiceCollection AddOutboxMessage<T, [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] TSender>(
        this IServiceCollection services, string name, JsonTypeInfo<T> json, Action<OutboxMessageOptions<T>>? configure = null)
        where T : notnull
        where TSender : class
    {
        services.TryAddScoped<TSender>();
        if (typeof(IOutboxBatchSender<T>).IsAssignableFrom(typeof(TSender)))
            return services.AddOutboxMessage(name, json, static provider => (IOutboxBatchSender<T>)provider.GetRequiredService<TSender>(), configure);
        if (typeof(IOutboxSender<T>).IsAssignableFrom(typeof(TSender)))
            return services.AddOutboxMessage(name, json, static provider => (IOutboxSender<T>)provider.GetRequiredService<TSender>(), configure);
        throw new ArgumentException($"{typeof(TSender)} is neither an IOutboxSender nor an IOutboxBatchSender of {typeof(T)}.", nameof(name));
    }

    /// <summary>Adds a type of message that other processes send, so that this one can record it.</summary>
    /// <inheritdoc cref="AddOutboxMessage{T, TSender}"/>
    public static IServiceCollection AddOutboxMessage<T>(
        this IServiceCollection services, string name, JsonTypeInfo<T> json, Action<OutboxMessageOptions<T>>? configure = null)
        where T : notnull =>
        services.AddType(name, json, configure, sender: null);

    /// <summary>Adds a type of message with a sender of one message at a time that is made by hand, in a scope of its own for each batch.</summary>
    /// <inheritdoc cref="AddOutboxMessage{T, TSender}"/>
    public static IServiceCollection AddOutboxMessage<T>(
        this IServiceCollection services, string name, JsonTypeInfo<T> json, Func<IServiceProvider, IOutboxSender<T>> sender,
        Action<OutboxMessageOptions<T>>? configure = null)
        where T : notnull =>
        services.AddType(
            name, json, configure,
            options => new OutboxSenderOf<T>((provider, sending) => sending.Of(sender(provider), options.SendsAtOnce), GoesInBatches: false));

    /// <summary>Adds a type of message with a sender of batches that is made by hand, in a scope of its own for each batch.</summary>
    /// <inheritdoc cref="AddOutboxMessage{T, TSender}"/>
    public static IServiceCollection AddOutboxMessage<T>(
        this IServiceCollection services, string name, JsonTypeInfo<T> json, Func<IServiceProvider, IOutboxBatchSender<T>> sender,
        Action<OutboxMessageOptions<T>>? configure = null)
        where T : notnull =>
        services.AddType(
            name, json, configure, _ => new OutboxSenderOf<T>((provider, sending) => sending.Of(sender(provider)), GoesInBatches: true));

    /// <summary>Adds a type of message that goes to a topic of the Databus in this process, which <c>AddDatabus</c> adds.</summary>
    /// <param name="topic">Created on first use; a valid resource name.</param>
    /// <inheritdoc cref="AddOutboxMessage{T, TSender}"/>
    public static IServiceCollection AddOutboxTopic<T>(
        this IServiceCollection services, string name, JsonTypeInfo<T> json, string topic, Action<OutboxMessageOptions<T>>? configure = null)
        where T : notnull
    {
        if (!ResourceName.IsValid(topic))
            throw new ArgumentException($"\"{topic}\" is no valid name of a topic.", nameof(topic));
        return services.AddOutboxMessage(
            name, json, IOutboxBatchSender<T> (provider) => new TopicOutboxSender<T>(provider.GetRequiredService<TopicLog>(), topic), configure);
    }

    private static IServiceCollection AddType<T>(
        this IServiceCollection services, string name, JsonTypeInfo<T> json, Action<OutboxMessageOptions<T>>? configure,
        Func<OutboxMessageOptions<T>, OutboxSenderOf<T>>? sender)
        where T : notnull
    {
        var options = new OutboxMessageOptions<T>();
        configure?.Invoke(options);
        foreach (var given in options.Aliases.Prepend(name))
        {
            if (!ResourceName.IsValid(given))
                throw new ArgumentException($"\"{given}\" is no valid name of a message.", nameof(name));
        }

        if (Problem(options) is { } problem)
            throw new ArgumentException($"The message \"{name}\" cannot be: {problem}", nameof(configure));
        return services.AddSingleton<OutboxType>(new OutboxType<T>(name, json, options, sender?.Invoke(options)));
    }

    private static string? Problem<T>(OutboxMessageOptions<T> options)
        where T : notnull => options switch
        {
            { BatchSize: < 1 or > 1000 } => "BatchSize is not from 1 to 1000.",
            { SendsAtOnce: < 1 or > 1000 } => "SendsAtOnce is not from 1 to 1000.",
            { MaxAttempts: < 1 or > 1000 } => "MaxAttempts is not from 1 to 1000.",
            _ when options.SendTimeLimit <= TimeSpan.Zero => "SendTimeLimit is not above 0.",
            _ when options.KeepSentFor < TimeSpan.Zero => "KeepSentFor is below 0.",
            _ => null,
        };
}
