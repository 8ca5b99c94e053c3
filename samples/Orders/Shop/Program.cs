using System.Text.Json;
using System.Text.Json.Serialization;
using Databus.Connectors.Hosting;
using Databus.Connectors.Http;
using Databus.Connectors.Webhooks;
using Databus.EntityFrameworkCore;
using Databus.Outbox;
using Databus.Postgres.Outbox;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;

// Takes orders, tells shipping of each, and hears from it what is packed. --database, --shipping and --secret say where and how.
var builder = WebApplication.CreateBuilder(args);
var database = builder.Configuration["database"] ?? "Host=localhost;Username=postgres;Database=shop";
var secret = builder.Configuration["secret"] ?? throw new InvalidOperationException("--secret is missing: whsec_ and the base64 of 24 to 64 bytes.");

builder.Services.AddOutbox().AddPostgresOutbox(database);
builder.Services.AddOutboxMessage<OrderPlaced, WebhookSender<OrderPlaced>>(
    "order-placed", ShopJson.Default.OrderPlaced, message => message.MaxAttempts = 100);
builder.Services.AddWebhookSender<OrderPlaced>(webhook =>
{
    webhook.Address = new Uri(builder.Configuration["shipping"] ?? "http://127.0.0.1:5002/webhooks");
    webhook.Secrets.Add(secret);
});
builder.Services.Configure<GuardedHttpOptions>(http => http.AllowedNetworks.Add("127.0.0.1/32"));
builder.Services.AddDbContext<ShopContext>((services, options) => options.UseNpgsql(database).UseOutbox(services));
builder.Services.AddSingleton(new WebhookVerifier([secret], TimeProvider.System));

var app = builder.Build();
await using (var scope = app.Services.CreateAsyncScope())
    await ShopContext.CreateTablesAsync(scope.ServiceProvider.GetRequiredService<ShopContext>());

// The order and the message about it are one transaction: both are there, or neither.
app.MapPost("/orders", async (NewOrder order, ShopContext shop) =>
{
    var placed = await shop.AtomicAsync(_ =>
    {
        var row = new Order { Product = order.Product, Quantity = order.Quantity };
        shop.Orders.Add(row);
        shop.Record(new OrderPlaced(row.Id, row.Product, row.Quantity));
        return Task.FromResult(row);
    });
    return Results.Created($"/orders/{placed.Id}", placed);
});
app.MapGet("/orders", (ShopContext shop) => shop.Orders.OrderBy(order => order.Id).ToListAsync());

// A webhook may come twice; within the transaction the inbox tells whether it has had its effect.
app.MapPost("/webhooks", async (HttpRequest request, ShopContext shop, Inbox inbox, WebhookVerifier verifier) =>
{
    using var body = new MemoryStream();
    await request.Body.CopyToAsync(body);
    string? id = request.Headers["webhook-id"];
    if (!verifier.IsValid(id, request.Headers["webhook-timestamp"], request.Headers["webhook-signature"], body.ToArray()) || !Guid.TryParse(id, out var message))
        return Results.Unauthorized();
    var packed = JsonSerializer.Deserialize(body.ToArray(), ShopJson.Default.WebhookParcelPacked)!.Data;
    await shop.AtomicAsync(async stop =>
    {
        if (!await inbox.TryHandleAsync(shop.Database.CurrentTransaction!.GetDbTransaction(), message, stop))
            return;
        var order = await shop.LockAsync<Order>(packed.Order, stop);
        if (order is not null)
            order.Parcels++;
    });
    return Results.NoContent();
});
app.Run();

internal sealed record NewOrder(string Product, int Quantity);

internal sealed record OrderPlaced(Guid Order, string Product, int Quantity);

internal sealed record ParcelPacked(Guid Order);

internal sealed record Webhook<T>(string Type, T Data);

internal sealed class Order
{
    public Guid Id { get; init; } = Guid.CreateVersion7();

    public required string Product { get; init; }

    public int Quantity { get; init; }

    public int Parcels { get; set; }
}

internal sealed class ShopContext(DbContextOptions<ShopContext> options) : DbContext(options)
{
    public DbSet<Order> Orders => Set<Order>();

    /// <summary>A real service has migrations.</summary>
    public static Task CreateTablesAsync(ShopContext shop) => shop.Database.ExecuteSqlRawAsync(
        """CREATE TABLE IF NOT EXISTS "Orders" ("Id" uuid PRIMARY KEY, "Product" text NOT NULL, "Quantity" integer NOT NULL, "Parcels" integer NOT NULL)""");

    protected override void OnModelCreating(ModelBuilder modelBuilder) => modelBuilder.UseOutbox();
}

[JsonSerializable(typeof(OrderPlaced))]
[JsonSerializable(typeof(Webhook<ParcelPacked>), TypeInfoPropertyName = "WebhookParcelPacked")]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
internal sealed partial class ShopJson : JsonSerializerContext;
