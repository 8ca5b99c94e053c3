using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Databus.EntityFrameworkCore;

public static class OutboxModel
{
    /// <summary>In messages that have a table of their own: the id of the outbox message that stands for the row.</summary>
    internal const string MessageIdProperty = "OutboxMessageId";

    /// <summary>
    /// Maps the outbox table of PostgreSQL, so that <see cref="OutboxRecording.Record"/> can put messages into it. Migrations of the
    /// context leave it alone: the outbox has its own. To be called in <c>OnModelCreating</c>.
    /// </summary>
    public static ModelBuilder UseOutbox(this ModelBuilder model) => model.Entity<RecordedMessage>(message =>
    {
        message.ToTable("message", "databus_outbox", table => table.ExcludeFromMigrations());
        message.HasKey(row => row.Id);

        // EF inserts new rows in the order of the keys it gives them meanwhile, which is that in which they were recorded.
        message.Property(row => row.Id).HasColumnName("id").ValueGeneratedOnAdd().HasDefaultValueSql("nextval('databus_outbox.message_id')");
        message.Property(row => row.MessageId).HasColumnName("message_id").ValueGeneratedNever();
        message.Property(row => row.Type).HasColumnName("type");
        message.Property(row => row.OrderKey).HasColumnName("order_key");
        message.Property(row => row.Content).HasColumnName("content");
        message.Property(row => row.TraceParent).HasColumnName("trace_parent");
        message.Property(row => row.Transaction).HasColumnName("transaction").HasColumnType("xid8").ValueGeneratedOnAdd().HasDefaultValueSql("pg_current_xact_id()");
    });

    /// <summary>
    /// Makes entities of this type messages with a table of their own: adds the column of a unique id, <c>OutboxMessageId</c>, by which the
    /// outbox finds the row. Children that are deleted with their parent belong to the message.
    /// See <see cref="OwnTable.KeepIn"/>.
    /// </summary>
    public static EntityTypeBuilder<T> IsOutboxMessage<T>(this EntityTypeBuilder<T> entity)
        where T : class
    {
        entity.Property<Guid>(MessageIdProperty).ValueGeneratedNever();
        entity.HasIndex(MessageIdProperty).IsUnique();
        return entity;
    }
}
