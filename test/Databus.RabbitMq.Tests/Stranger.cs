using System.Text;
using RabbitMQ.Client;

namespace Databus.RabbitMq.Tests;

/// <summary>Another program that takes part through AMQP.</summary>
internal sealed class Stranger(IConnection connection, IChannel channel) : IAsyncDisposable
{
    public IChannel Channel => channel;

    public static async Task<Stranger> ConnectAsync(Uri broker)
    {
        var connection = await new ConnectionFactory { Uri = broker }.CreateConnectionAsync();
        return new Stranger(connection, await connection.CreateChannelAsync());
    }

    public Task DeclareAsync(string queue, IDictionary<string, object?>? arguments = null) =>
        channel.QueueDeclareAsync(queue, durable: true, exclusive: false, autoDelete: false, arguments);

    public ValueTask PublishAsync(string queue, string body, BasicProperties? properties = null) =>
        channel.BasicPublishAsync("", queue, mandatory: true, properties ?? new BasicProperties { Persistent = true }, Encoding.UTF8.GetBytes(body));

    /// <summary>Takes one message, or null when the queue is empty.</summary>
    public Task<BasicGetResult?> TakeAsync(string queue) => channel.BasicGetAsync(queue, autoAck: true);

    /// <summary>Takes all there is.</summary>
    public async Task<List<BasicGetResult>> TakeAllAsync(string queue)
    {
        var taken = new List<BasicGetResult>();
        while (await TakeAsync(queue) is { } message)
            taken.Add(message);
        return taken;
    }

    public static string Text(BasicGetResult message) => Encoding.UTF8.GetString(message.Body.Span);

    public static string Header(BasicGetResult message, string name) => Encoding.UTF8.GetString((byte[])message.BasicProperties.Headers![name]!);

    public async ValueTask DisposeAsync()
    {
        await channel.DisposeAsync();
        await connection.DisposeAsync();
    }
}
