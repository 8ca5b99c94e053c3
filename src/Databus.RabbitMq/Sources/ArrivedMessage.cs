using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using RabbitMQ.Client;

namespace Databus.RabbitMq.Sources;

/// <summary>A message that a queue handed out.</summary>
/// <param name="Tag">What it is acknowledged with.</param>
/// <param name="Body">Ours to keep.</param>
internal sealed record ArrivedMessage(ulong Tag, IReadOnlyBasicProperties Properties, ReadOnlyMemory<byte> Body)
{
    private const string CloudEventType = "application/cloudevents+json";

    /// <summary>The body is a CloudEvent in the JSON format.</summary>
    public bool IsCloudEvent =>
        Properties.ContentType is { } type && type.AsSpan(0, type.IndexOf(';', StringComparison.Ordinal) is >= 0 and var end ? end : type.Length)
            .Trim().Equals(CloudEventType, StringComparison.OrdinalIgnoreCase);

    /// <summary>The message's id as a key. Control characters are none: not every store keeps them in text.</summary>
    public bool TryGetKey([NotNullWhen(true)] out string? key)
    {
        key = Properties.MessageId;
        return !string.IsNullOrEmpty(key) && !key.Any(char.IsControl);
    }

    /// <summary>
    /// The object in <c>{"content": …}</c>, as it stands in the body. Other members beside it would be lost, so there are
    /// none. What is inside is judged by whoever takes it.
    /// </summary>
    public bool TryUnwrap(out ReadOnlyMemory<byte> content)
    {
        content = default;
        try
        {
            var reader = new Utf8JsonReader(Body.Span, new JsonReaderOptions { MaxDepth = int.MaxValue });
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject
                || !reader.Read() || reader.TokenType != JsonTokenType.PropertyName || !reader.ValueTextEquals("content"u8) || !reader.Read())
            {
                return false;
            }

            var start = (int)reader.TokenStartIndex;
            reader.Skip();
            content = Body[start..(int)reader.BytesConsumed];
            return reader.Read() && reader.TokenType == JsonTokenType.EndObject && !reader.Read();
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
