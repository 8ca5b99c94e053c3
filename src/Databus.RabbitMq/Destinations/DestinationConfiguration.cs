using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Json;
using Databus.Destinations;
using Databus.RabbitMq.Queues;

namespace Databus.RabbitMq.Destinations;

/// <summary>Where a subscription's items go, and in which form.</summary>
/// <param name="Exchange">Empty: the default exchange, which leads to the queue that the routing key names.</param>
/// <param name="IsQueue">The routing key is a durable queue, which is declared. Otherwise the exchange is there already.</param>
internal sealed record DestinationConfiguration(string Exchange, string RoutingKey, bool IsQueue, bool IsQuorum, BodyForm Body)
{
    /// <summary>Names are short strings of AMQP.</summary>
    public const int MaxNameBytes = 255;

    private const string Queue = "queue";
    private const string QueueType = "queueType";
    private const string ExchangeMember = "exchange";
    private const string RoutingKeyMember = "routingKey";
    private const string BodyMember = "body";
    private static readonly string[] Members = [Queue, QueueType, ExchangeMember, RoutingKeyMember, BodyMember];

    public static bool TryRead(
        JsonElement json, [NotNullWhen(true)] out DestinationConfiguration? configuration, [NotNullWhen(false)] out DestinationRefusal? refusal)
    {
        configuration = null;
        if (!TryReadMembers(json, out var given, out refusal))
            return false;
        var isQueue = given.TryGetValue(Queue, out var queue);
        if (isQueue == given.TryGetValue(ExchangeMember, out var exchange))
        {
            refusal = new(Queue, "Either queue or exchange says where the messages go; one of them, not both.");
            return false;
        }

        refusal = isQueue ? JudgeQueue(queue!, given) : JudgeExchange(exchange!, given);
        if (refusal is not null || !TryReadBody(given.GetValueOrDefault(BodyMember), out var body, out refusal))
            return false;
        configuration = new(
            exchange ?? "", queue ?? given.GetValueOrDefault(RoutingKeyMember, ""), isQueue, given.GetValueOrDefault(QueueType) == "quorum", body);
        return true;
    }

    /// <summary>With every setting, defaults included.</summary>
    public string ToJson()
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            if (IsQueue)
            {
                json.WriteString(Queue, RoutingKey);
                json.WriteString(QueueType, IsQuorum ? "quorum" : "classic");
            }
            else
            {
                json.WriteString(ExchangeMember, Exchange);
                json.WriteString(RoutingKeyMember, RoutingKey);
            }

            json.WriteString(BodyMember, Body switch { BodyForm.Content => "content", BodyForm.Raw => "raw", _ => "cloudevents" });
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private static bool TryReadMembers(
        JsonElement json, out Dictionary<string, string> given, [NotNullWhen(false)] out DestinationRefusal? refusal)
    {
        given = new(StringComparer.Ordinal);
        refusal = json.ValueKind == JsonValueKind.Object ? null : new("configuration", "The configuration of a destination is a JSON object.");
        if (refusal is not null)
            return false;
        foreach (var member in json.EnumerateObject())
        {
            if (!Members.Contains(member.Name, StringComparer.Ordinal))
                refusal = new(member.Name, $"A destination of the kind rabbitmq has no member {member.Name}. It has: {string.Join(", ", Members)}.");
            else if (TextOf(member.Value) is not { } text)
                refusal = new(member.Name, $"{member.Name} is a string.");
            else if (!given.TryAdd(member.Name, text))
                refusal = new(member.Name, $"{member.Name} is given twice.");
            if (refusal is not null)
                return false;
        }

        return true;
    }

    private static string? TextOf(JsonElement value)
    {
        try
        {
            return value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        }
        catch (InvalidOperationException)
        {
            // Half a surrogate pair, which is no text.
            return null;
        }
    }

    private static DestinationRefusal? JudgeQueue(string queue, Dictionary<string, string> given)
    {
        if (given.ContainsKey(RoutingKeyMember))
            return new(RoutingKeyMember, "A queue is reached by its own name; routingKey goes with exchange.");
        if (queue.StartsWith("amq.", StringComparison.Ordinal))
            return new(Queue, "Names that start with amq. are the broker's own.");
        return given.GetValueOrDefault(QueueType, "classic") is "classic" or "quorum"
            ? JudgeName(Queue, queue, isQuorum: given.GetValueOrDefault(QueueType) == "quorum")
            : new(QueueType, "queueType is classic or quorum.");
    }

    private static DestinationRefusal? JudgeExchange(string exchange, Dictionary<string, string> given)
    {
        if (given.ContainsKey(QueueType))
            return new(QueueType, "queueType goes with queue: an exchange is there already.");
        return JudgeName(ExchangeMember, exchange, isQuorum: false)
            ?? (given.TryGetValue(RoutingKeyMember, out var key) && Encoding.UTF8.GetByteCount(key) > MaxNameBytes
                ? new(RoutingKeyMember, $"routingKey may have {MaxNameBytes} bytes of UTF-8 at most.")
                : null);
    }

    private static DestinationRefusal? JudgeName(string member, string name, bool isQuorum)
    {
        var longest = isQuorum ? MaxNameBytes - DeadQueue.Suffix.Length : MaxNameBytes;
        if (name.Length == 0)
            return new(member, $"{member} is not empty.");

        // The broker takes line breaks out of names, and the messages would go to another queue than the one declared.
        if (name.Any(char.IsControl))
            return new(member, $"{member} has no control characters.");
        return Encoding.UTF8.GetByteCount(name) > longest ? new(member, $"{member} may have {longest} bytes of UTF-8 at most.") : null;
    }

    private static bool TryReadBody(string? text, out BodyForm body, [NotNullWhen(false)] out DestinationRefusal? refusal)
    {
        refusal = text is null or "content" or "raw" or "cloudevents" ? null : new(BodyMember, "body is content, raw or cloudevents.");
        body = text switch { "raw" => BodyForm.Raw, "cloudevents" => BodyForm.CloudEvents, _ => BodyForm.Content };
        return refusal is null;
    }
}
