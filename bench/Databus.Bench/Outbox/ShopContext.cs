using Databus.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore;

namespace Databus.Bench.Outbox;

internal sealed class Order
{
    public long Id { get; set; }

    public string Customer { get; set; } = "";
}

internal sealed class ShopContext(DbContextOptions<ShopContext> options) : DbContext(options)
{
    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.UseOutbox();
        modelBuilder.Entity<Order>(order =>
        {
            order.ToTable("orders");
            order.Property(one => one.Id).HasColumnName("id").UseIdentityAlwaysColumn();
            order.Property(one => one.Customer).HasColumnName("customer");
        });
    }
}
