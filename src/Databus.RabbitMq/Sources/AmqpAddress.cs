using System.Diagnostics.CodeAnalysis;
using System.Text;
using Databus.RabbitMq.Queues;

namespace Databus.RabbitMq.Sources;

/// <summary>
/// What a source's address says: <c>amqp:QUEUE?format=content&amp;key=message-id</c>. The queue's name is percent-encoded; the
/// broker and who we are there are configuration of the process.
/// </summary>
/// <param name="IsWrapped"><c>format=content</c>: the object is in <c>{"content": …}</c>. Otherwise, <c>raw</c>, it is the body.</param>
/// <param name="KeyIsMessageId"><c>key=message-id</c>: the message's id is the item's key.</param>
internal sealed record AmqpAddress(string Queue, bool IsWrapped, bool KeyIsMessageId)
{
    private const int MaxNameBytes = 255;

    public static bool TryRead(Uri uri, [NotNullWhen(true)] out AmqpAddress? address, [NotNullWhen(false)] out string? refusal)
    {
        address = null;
        refusal = "The address of an AMQP source is amqp:QUEUE, where QUEUE is the percent-encoded name of a queue, without a host.";
        if (uri.Scheme != "amqp" || uri.Authority.Length > 0 || uri.AbsolutePath is "" or "/" || uri.AbsolutePath.StartsWith('/') || uri.Fragment.Length > 0)
            return false;
        var queue = Uri.UnescapeDataString(uri.AbsolutePath);

        // What comes after the name is for the queue of the messages that are refused.
        var longest = MaxNameBytes - DeadQueue.Suffix.Length;
        refusal = queue.Any(char.IsControl) ? "The name of a queue has no control characters."
            : Encoding.UTF8.GetByteCount(queue) > longest ? $"The name of a queue may have {longest} bytes of UTF-8 at most."
            : null;
        if (refusal is not null)
            return false;
        address = new AmqpAddress(queue, IsWrapped: false, KeyIsMessageId: false);
        foreach (var parameter in uri.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            address = parameter switch
            {
                "format=raw" => address with { IsWrapped = false },
                "format=content" => address with { IsWrapped = true },
                "key=message-id" => address with { KeyIsMessageId = true },
                _ => null,
            };
            if (address is null)
            {
                refusal = "After the question mark an AMQP source has format=raw, format=content or key=message-id, joined by &.";
                return false;
            }
        }

        return true;
    }
}
