using RabbitMQ.Client;

namespace Databus.RabbitMq.Publishing;

/// <summary>A message on its way out. Properties and body are used up when the publish returns.</summary>
internal readonly record struct Publication(string Exchange, string RoutingKey, BasicProperties Properties, ReadOnlyMemory<byte> Body);
