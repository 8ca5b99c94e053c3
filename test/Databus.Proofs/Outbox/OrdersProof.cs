using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using Databus.Proofs.Http;
using Databus.Proofs.Processes;
using Databus.Testing;
using Databus.Testing.Processes;
using Databus.Testing.Servers;

namespace Databus.Proofs.Outbox;

/// <summary>How many orders are placed while how many services are killed.</summary>
internal sealed record OrdersSettings(int Orders, int Kills, int Seed);

/// <summary>
/// The sample's two services, the shop on PostgreSQL and shipping on SQLite, tell each other of orders and parcels while both are
/// killed: every order that is there has exactly one parcel, and the shop knows of it exactly once (P7, P8).
/// </summary>
internal sealed class OrdersProof(OrdersSettings settings, Findings findings)
{
    private const int Senders = 8;
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly Random _random = new(settings.Seed);
    private readonly int _shopPort = LoopbackPort.Find();
    private readonly int _shippingPort = LoopbackPort.Find();
    private readonly string _secret = "whsec_" + Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));
    private readonly ConcurrentDictionary<string, byte> _acknowledged = new(StringComparer.Ordinal);
    private NodeProcess _shop = null!;
    private NodeProcess _shipping = null!;

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await using var postgres = await PostgresServer.StartAsync();
        using var data = new TemporaryFolder();
        _shop = StartShop(postgres);
        _shipping = StartShipping(data);
        try
        {
            using var shop = new BusClient(Address(_shopPort), TimeSpan.FromSeconds(10));
            using var shipping = new BusClient(Address(_shippingPort), TimeSpan.FromSeconds(10));
            await AnswersAsync(shop, "orders", cancellationToken);
            await AnswersAsync(shipping, "parcels", cancellationToken);
            using var enough = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            var placing = Task.WhenAll(Enumerable.Range(0, Senders).Select(sender => PlaceAsync(shop, sender, enough.Token)));
            await KillAsync(postgres, data, cancellationToken);
            await enough.CancelAsync();
            await placing;
            await AuditAsync(shop, shipping, cancellationToken);
        }
        finally
        {
            await _shop.DisposeAsync();
            await _shipping.DisposeAsync();
        }
    }

    private async Task PlaceAsync(BusClient shop, int sender, CancellationToken stop)
    {
        for (var number = 0; !stop.IsCancellationRequested; number++)
        {
            var product = string.Create(CultureInfo.InvariantCulture, $"{sender}-{number}");
            try
            {
                if ((await shop.SendJsonAsync(HttpMethod.Post, "orders", new { product, quantity = 1 }, CancellationToken.None)).IsSuccess)
                    _acknowledged[product] = 0;
            }
            catch (Exception error) when (BusClient.IsCut(error, CancellationToken.None))
            {
                // Whether it was placed is not known. It is not placed again.
            }

            await Task.Delay(TimeSpan.FromMilliseconds(10), stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task KillAsync(PostgresServer postgres, TemporaryFolder data, CancellationToken cancellationToken)
    {
        for (var kill = 1; kill <= settings.Kills; kill++)
        {
            var until = settings.Orders / (settings.Kills + 1) * kill;
            if (!await Deadline.WaitAsync(() => _acknowledged.Count >= until, Patience, cancellationToken))
                findings.Violated($"{_acknowledged.Count} orders are placed, and no more");
            await Task.Delay(_random.Next(100), cancellationToken);
            if (_random.Next(2) == 0)
            {
                await _shop.KillAsync();
                await _shop.DisposeAsync();
                _shop = StartShop(postgres);
            }
            else
            {
                await _shipping.KillAsync();
                await _shipping.DisposeAsync();
                _shipping = StartShipping(data);
            }
        }

        await Deadline.WaitAsync(() => _acknowledged.Count >= settings.Orders, Patience, cancellationToken);
    }

    private async Task AuditAsync(BusClient shop, BusClient shipping, CancellationToken cancellationToken)
    {
        await AnswersAsync(shop, "orders", cancellationToken);
        await AnswersAsync(shipping, "parcels", cancellationToken);
        List<(string Id, string Product, int Parcels)> orders = [];
        await Deadline.WaitAsync(
            async () =>
            {
                var answer = (await shop.SendAsync(HttpMethod.Get, "orders", body: null, cancellationToken)).EnsureSuccess();
                orders = [.. answer.Body.EnumerateArray().Select(order =>
                    (order.GetProperty("id").GetString()!, order.GetProperty("product").GetString()!, order.GetProperty("parcels").GetInt32()))];
                return orders.TrueForAll(order => order.Parcels > 0);
            },
            Patience, cancellationToken);
        var parcels = (await shipping.SendAsync(HttpMethod.Get, "parcels", body: null, cancellationToken)).EnsureSuccess().Body.EnumerateArray()
            .Select(parcel => parcel.GetString()!).ToList();

        var placed = orders.Select(order => order.Product).ToHashSet(StringComparer.Ordinal);
        var ids = orders.Select(order => order.Id).ToHashSet(StringComparer.Ordinal);
        var lost = _acknowledged.Keys.Count(product => !placed.Contains(product));
        var once = parcels.CountBy(parcel => parcel, StringComparer.Ordinal).ToDictionary(StringComparer.Ordinal);
        findings.Claim(lost == 0, $"{_acknowledged.Count} orders acknowledged, {orders.Count} there, {lost} lost; {settings.Kills} kills");
        findings.Claim(
            orders.TrueForAll(order => once.GetValueOrDefault(order.Id) == 1) && parcels.TrueForAll(ids.Contains),
            $"{parcels.Count} parcels: {orders.Count(order => !once.ContainsKey(order.Id))} orders without one, {once.Count(one => one.Value > 1)} with several, {parcels.Count(parcel => !ids.Contains(parcel))} without an order");
        findings.Claim(
            orders.TrueForAll(order => order.Parcels == 1),
            $"{orders.Count(order => order.Parcels == 0)} orders whose parcel the shop does not know, {orders.Count(order => order.Parcels > 1)} of which it heard twice");
    }

    private static async Task AnswersAsync(BusClient client, string path, CancellationToken cancellationToken)
    {
        var answers = await Deadline.WaitAsync(
            async () =>
            {
                try
                {
                    return (await client.SendAsync(HttpMethod.Get, path, body: null, cancellationToken)).IsSuccess;
                }
                catch (Exception error) when (BusClient.IsCut(error, cancellationToken))
                {
                    return false;
                }
            },
            StartLimit, cancellationToken);
        if (!answers)
            throw new InvalidOperationException($"The service with /{path} does not answer.");
    }

    private NodeProcess StartShop(PostgresServer postgres) => NodeProcess.Start(
        "Shop", "shop", "--urls", Origin(_shopPort), "--database", postgres.ConnectionString(), "--shipping", Origin(_shippingPort) + "/webhooks", "--secret", _secret);

    private NodeProcess StartShipping(TemporaryFolder data) => NodeProcess.Start(
        "Shipping", "shipping", "--urls", Origin(_shippingPort), "--database", Path.Combine(data.Path, "shipping.db"), "--shop", Origin(_shopPort) + "/webhooks", "--secret", _secret);

    private static string Origin(int port) => string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}");

    private static Uri Address(int port) => new(Origin(port) + "/");
}
