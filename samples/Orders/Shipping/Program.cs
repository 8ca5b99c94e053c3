using System.Text.Json;
using System.Text.Json.Serialization;
using Databus.Connectors.Hosting;
using Databus.Connectors.Http;
using Databus.Connectors.Webhooks;
using Databus.Outbox;
using Databus.Sqlite.Outbox;
using Microsoft.Data.Sqlite;

// Hears of orders, packs a parcel for each, and tells the shop. --database, --shop and --secret say where and how.
var builder = WebApplication.CreateBuilder(args);
var database = $"Data Source={builder.Configuration["database"] ?? "shipping.db"}";
var secret = builder.Configuration["secret"] ?? throw new InvalidOperationException("--secret is missing: whsec_ and the base64 of 24 to 64 bytes.");

builder.Services.AddOutbox().AddSqliteOutbox(database);
builder.Services.AddOutboxMessage<ParcelPacked, WebhookSender<ParcelPacked>>(
    "parcel-packed", ShippingJson.Default.ParcelPacked, message => message.MaxAttempts = 100);
builder.Services.AddWebhookSender<ParcelPacked>(webhook =>
{
    webhook.Address = new Uri(builder.Configuration["shop"] ?? "http://127.0.0.1:5001/webhooks");
    webhook.Secrets.Add(secret);
});
builder.Services.Configure<GuardedHttpOptions>(http => http.AllowedNetworks.Add("127.0.0.1/32"));
builder.Services.AddSingleton(new WebhookVerifier([secret], TimeProvider.System));

var app = builder.Build();
await using (var connection = await OpenAsync())
    await RunAsync(connection, "PRAGMA journal_mode = WAL; CREATE TABLE IF NOT EXISTS parcels (parcel INTEGER PRIMARY KEY, order_id TEXT NOT NULL, product TEXT NOT NULL)");

// That the message was handled, the parcel, and the message about it are one transaction.
app.MapPost("/webhooks", async (HttpRequest request, OutboxClient outbox, Inbox inbox, WebhookVerifier verifier) =>
{
    using var body = new MemoryStream();
    await request.Body.CopyToAsync(body);
    string? id = request.Headers["webhook-id"];
    if (!verifier.IsValid(id, request.Headers["webhook-timestamp"], request.Headers["webhook-signature"], body.ToArray()) || !Guid.TryParse(id, out var message))
        return Results.Unauthorized();
    var placed = JsonSerializer.Deserialize(body.ToArray(), ShippingJson.Default.WebhookOrderPlaced)!.Data;
    await using var connection = await OpenAsync();
    await using var transaction = connection.BeginTransaction();
    if (await inbox.TryHandleAsync(transaction, message))
    {
        await RunAsync(connection, "INSERT INTO parcels (order_id, product) VALUES ($order, $product)", ("$order", placed.Order.ToString()), ("$product", placed.Product));
        await outbox.RecordAsync(transaction, new ParcelPacked(placed.Order));
    }

    await transaction.CommitAsync();
    return Results.NoContent();
});
app.MapGet("/parcels", async () =>
{
    await using var connection = await OpenAsync();
    await using var command = connection.CreateCommand();
    command.CommandText = "SELECT order_id FROM parcels ORDER BY parcel";
    var orders = new List<string>();
    await using var rows = await command.ExecuteReaderAsync();
    while (await rows.ReadAsync())
        orders.Add(rows.GetString(0));
    return orders;
});
app.Run();

async Task<SqliteConnection> OpenAsync()
{
    var connection = new SqliteConnection(database);
    await connection.OpenAsync();
    return connection;
}

static async Task RunAsync(SqliteConnection connection, string sql, params (string Name, string Value)[] values)
{
    await using var command = connection.CreateCommand();
    command.CommandText = sql;
    foreach (var (name, value) in values)
        command.Parameters.AddWithValue(name, value);
    await command.ExecuteNonQueryAsync();
}

internal sealed record OrderPlaced(Guid Order, string Product, int Quantity);

internal sealed record ParcelPacked(Guid Order);

internal sealed record Webhook<T>(string Type, T Data);

[JsonSerializable(typeof(ParcelPacked))]
[JsonSerializable(typeof(Webhook<OrderPlaced>), TypeInfoPropertyName = "WebhookOrderPlaced")]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
internal sealed partial class ShippingJson : JsonSerializerContext;
