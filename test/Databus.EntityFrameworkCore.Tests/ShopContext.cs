using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.EntityFrameworkCore;

namespace Databus.EntityFrameworkCore.Tests;

/// <summary>What an application has of its own, with messages in the outbox table and messages in a table of their own.</summary>
internal sealed class ShopContext(DbContextOptions<ShopContext> options) : DbContext(options)
{
    public DbSet<Order> Orders => Set<Order>();

    public DbSet<Consignment> Consignments => Set<Consignment>();

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.UseOutbox();
        modelBuilder.Entity<Order>(order =>
        {
            order.ToTable("order", "Shop's own");
            order.HasIndex(one => one.Name).IsUnique();
            order.Property(one => one.Version).IsRowVersion();
        });
        modelBuilder.Entity<Shelf>().HasKey(shelf => new { shelf.Row, shelf.Place });
        modelBuilder.Entity<Consignment>(consignment =>
        {
            consignment.IsOutboxMessage();

            // A filter of the application, which must not hide messages from the outbox.
            consignment.HasQueryFilter(one => !one.Address.StartsWith("hidden"));
            consignment.HasMany(one => one.Lines).WithOne().HasForeignKey(line => line.ConsignmentId).OnDelete(DeleteBehavior.ClientCascade);
            consignment.OwnsMany(one => one.Stamps, stamp => stamp.ToTable("stamp"));
            consignment.OwnsOne(one => one.Sender);
            consignment.HasOne(one => one.Order).WithMany().HasForeignKey(one => one.OrderId);
        });
    }
}

internal sealed class Order
{
    public int Id { get; set; }

    public string Name { get; set; } = "";

    public int Amount { get; set; }

    public uint Version { get; set; }
}

internal sealed class Shelf
{
    public string Row { get; set; } = "";

    public int Place { get; set; }

    public string Content { get; set; } = "";
}

/// <summary>A message in the outbox table.</summary>
internal sealed record OrderPlaced(int Number, string? Customer = null);

/// <summary>A message in a table of its own, with children two levels deep.</summary>
internal sealed class Consignment
{
    public int Id { get; set; }

    public string Address { get; set; } = "";

    public int? OrderId { get; set; }

    /// <summary>No child: it stays.</summary>
    [JsonIgnore]
    public Order? Order { get; set; }

    public List<ConsignmentLine> Lines { get; set; } = [];

    public List<Stamp> Stamps { get; set; } = [];

    public Sender? Sender { get; set; }
}

internal sealed class ConsignmentLine
{
    public int Id { get; set; }

    public int ConsignmentId { get; set; }

    public string Article { get; set; } = "";

    public List<SerialNumber> SerialNumbers { get; set; } = [];
}

internal sealed class SerialNumber
{
    public int Id { get; set; }

    public int ConsignmentLineId { get; set; }

    public string Text { get; set; } = "";
}

internal sealed class Stamp
{
    public string Text { get; set; } = "";
}

internal sealed class Sender
{
    public string Name { get; set; } = "";
}

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(OrderPlaced))]
[JsonSerializable(typeof(Consignment))]
internal sealed partial class ShopJson : JsonSerializerContext;
