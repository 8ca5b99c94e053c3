using System.Buffers;
using System.Globalization;
using System.Text;
using Databus.RabbitMq.Publishing;
using Databus.Subscriptions;
using RabbitMQ.Client;

namespace Databus.RabbitMq.Destinations;

/// <summary>Writes deliveries as messages, one after the other into the same memory. Not for concurrent use.</summary>
internal sealed class MessageWriter
{
    private const string AppId = "databus";
    private const string TopicHeader = "databus-topic";

    private readonly DestinationConfiguration _destination;
    private readonly ArrayBufferWriter<byte> _body = new(1024);
    private readonly BasicProperties _properties = new();
    private readonly string _topic;
    private readonly byte[] _topicHeader;

    public MessageWriter(DestinationConfiguration destination, string topic)
    {
        _destination = destination;
        _topic = topic;
        _topicHeader = Encoding.UTF8.GetBytes(topic);
        _properties.AppId = AppId;
        _properties.Persistent = true;
        _properties.ContentType = destination.Body == BodyForm.CloudEvents ? "application/cloudevents+json" : "application/json";
    }

    /// <summary>The message, good until the next one is written.</summary>
    public Publication Write(Delivery delivery)
    {
        var id = delivery.Id.ToString(CultureInfo.InvariantCulture);
        _properties.MessageId = id;
        _properties.Timestamp = new AmqpTimestamp(delivery.AddedAt.ToUnixTimeSeconds());

        // New each time, because a client that traces writes into it.
        _properties.Headers = new Dictionary<string, object?>(StringComparer.Ordinal) { [TopicHeader] = _topicHeader };
        return new Publication(_destination.Exchange, _destination.RoutingKey, _properties, Body(delivery, id));
    }

    private ReadOnlyMemory<byte> Body(Delivery delivery, string id)
    {
        if (_destination.Body == BodyForm.Raw)
            return delivery.Content;

        // By hand: the content is JSON as it stands, and nothing around it needs escaping.
        _body.ResetWrittenCount();
        if (_destination.Body == BodyForm.CloudEvents)
        {
            Append($$"""{"specversion":"1.0","id":"{{id}}","source":"/topics/{{_topic}}","type":"databus.item","time":"{{Time(delivery.AddedAt)}}",""");
            _body.Write("\"datacontenttype\":\"application/json\",\"data\":"u8);
        }
        else
        {
            _body.Write("{\"content\":"u8);
        }

        _body.Write(delivery.Content);
        _body.Write("}"u8);
        return _body.WrittenMemory;
    }

    private void Append(string text) => Encoding.UTF8.GetBytes(text, _body);

    /// <summary>RFC 3339 in UTC with milliseconds.</summary>
    private static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
}
