using System.Text.Json;
using Databus.Outbox;
using Microsoft.EntityFrameworkCore;

namespace Databus.EntityFrameworkCore;

/// <summary>Messages with a table of their own.</summary>
public static class OwnTable
{
    /// <summary>
    /// Keeps the contents of these messages as entities of this context, with child rows if need be. The sender gets each with its
    /// children, read with one query for a batch, and row and children are deleted when the message has been sent or skipped.
    /// </summary>
    /// <remarks>
    /// The entity is mapped with <see cref="OutboxModel.IsOutboxMessage"/>. Children are what is deleted with it (cascade). Filters of
    /// the model do not count. The context comes from a factory where there is one, and from the scope otherwise.
    /// </remarks>
    /// <example>
    /// <code>
    /// services.AddOutboxMessage&lt;Consignment, ConsignmentSender>(
    ///     "consignment", ShopJson.Default.Consignment, options => options.KeepIn&lt;ShopContext, Consignment>());
    /// </code>
    /// </example>
    public static void KeepIn<TContext, T>(this OutboxMessageOptions<T> options)
        where TContext : DbContext
        where T : class =>
        options.Contents = static services => new EntityContents<TContext, T>(services);

    /// <summary>What the outbox table holds in place of the content: a JSON string.</summary>
    internal static byte[] Reference(Guid messageId) => [(byte)'"', .. System.Text.Encoding.ASCII.GetBytes(messageId.ToString()), (byte)'"'];

    /// <summary>Null: it names nothing, as after a hand has changed it.</summary>
    internal static Guid? Read(ReadOnlyMemory<byte> reference)
    {
        try
        {
            var reader = new Utf8JsonReader(reference.Span);
            return reader.Read() && reader.TokenType == JsonTokenType.String && reader.TryGetGuid(out var id) ? id : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    internal static void Track(DbContext context, object entity, Guid messageId)
    {
        var entry = context.Entry(entity);
        if (entry.Metadata.FindProperty(OutboxModel.MessageIdProperty) is null)
            throw new InvalidOperationException($"{entity.GetType()} is not mapped as a message: IsOutboxMessage() belongs to its entity.");
        if (entry.State == EntityState.Detached)
            entry = context.Add(entity);
        entry.Property(OutboxModel.MessageIdProperty).CurrentValue = messageId;
    }
}
