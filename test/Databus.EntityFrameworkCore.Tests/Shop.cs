using System.Collections.Concurrent;
using Databus.Destinations;
using Databus.EntityFrameworkCore.Tests;
using Databus.Outbox;
using Databus.Postgres.Outbox;
using Databus.Testing;
using Databus.Testing.Servers;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using Npgsql.EntityFrameworkCore.PostgreSQL.Infrastructure;

[assembly: AssemblyFixture(typeof(Shop))]

namespace Databus.EntityFrameworkCore.Tests;

/// <summary>
/// An application on a database of its own, with its outbox. It polls once a minute, so that what does not come at once is seen to
/// be late.
/// </summary>
public sealed class Shop : IAsyncLifetime
{
    /// <summary>Far more than a wake-up takes on a busy machine, and far less than the poll.</summary>
    public static readonly TimeSpan Soon = TimeSpan.FromSeconds(5);

    private readonly ConcurrentDictionary<int, int> _sends = new();
    private readonly Troubles _log = new();
    private IHost _host = null!;
    private string _database = "";
    private int _numbers;

    public NpgsqlDataSource Source { get; private set; } = null!;

    internal int BatchSize { get; init; } = 100;

    /// <summary>Who gets what is sent; null: it is only counted.</summary>
    internal Func<OutboxMessage<OrderPlaced>, Task>? Receiver { get; init; }

    public IServiceProvider Services => _host.Services;

    internal OutboxClient Outbox => Services.GetRequiredService<OutboxClient>();

    internal ConcurrentQueue<OutboxMessage<Consignment>> Consignments { get; } = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        var server = await SharedPostgres.GetAsync();
        _database = await server.CreateDatabaseAsync();
        await StartAsync(server.ConnectionString(_database), outbox => outbox.BetweenFullLooks = TimeSpan.FromMinutes(1));
        await CreateTablesAsync();
    }

    /// <summary>The application on a database that is there.</summary>
    internal async Task StartAsync(string database, Action<OutboxOptions> configure)
    {
        Source = NpgsqlDataSource.Create(database);
        var builder = Host.CreateEmptyApplicationBuilder(settings: null);
        builder.Services.AddOutbox(configure).AddPostgresOutbox(database);
        builder.Services.AddSingleton(this);
        builder.Services.AddOutboxMessage<OrderPlaced, OrderSender>(
            "order-placed", ShopJson.Default.OrderPlaced, options =>
            {
                options.OrderKey = order => order.Customer;
                options.BatchSize = BatchSize;
            });
        builder.Services.AddOutboxMessage<Consignment, ConsignmentSender>(
            "consignment", ShopJson.Default.Consignment, options =>
            {
                options.KeepIn<ShopContext, Consignment>();
                options.AutoFlush = false;
            });
        builder.Services.AddDbContextFactory<ShopContext>((provider, options) => options.UseNpgsql(Source).UseOutbox(provider));
        builder.Logging.AddProvider(_log);
        _host = builder.Build();
        await _host.StartAsync();
    }

    internal async Task CreateTablesAsync()
    {
        await using var context = Context();

        // EnsureCreated would see the outbox's tables and do nothing.
        await context.GetService<IRelationalDatabaseCreator>().CreateTablesAsync(Cancellation);
    }

    internal async Task StopAsync()
    {
        await _host.StopAsync();
        _host.Dispose();
        await Source.DisposeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        await (await SharedPostgres.GetAsync()).DropDatabaseAsync(_database);
    }

    /// <summary>A number that no other test has.</summary>
    public int NewNumber() => Interlocked.Increment(ref _numbers);

    /// <summary>How often the message of this number was sent.</summary>
    public int Sends(int number) => _sends.GetValueOrDefault(number);

    internal ShopContext Context(Action<NpgsqlDbContextOptionsBuilder>? configure = null) => new(Options(configure));

    /// <summary>On a connection that others use as well.</summary>
    internal ShopContext Context(NpgsqlConnection connection) =>
        new(new DbContextOptionsBuilder<ShopContext>().UseNpgsql(connection).UseOutbox(Services).Options);

    internal DbContextOptions<ShopContext> Options(Action<NpgsqlDbContextOptionsBuilder>? configure = null) =>
        new DbContextOptionsBuilder<ShopContext>().UseNpgsql(Source, configure).UseOutbox(Services).Options;

    public async Task ExecuteAsync(string sql)
    {
        await using var command = Source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(Cancellation);
    }

    public async Task<long> CountAsync(string table, string where = "true")
    {
        await using var command = Source.CreateCommand($"SELECT count(*) FROM {table} WHERE {where}");
        return (long)(await command.ExecuteScalarAsync(Cancellation))!;
    }

    /// <summary>Sees to it that some messages leave at once, each once, and others never.</summary>
    public async Task ExpectAsync(IReadOnlyCollection<int> sent, IReadOnlyCollection<int> never)
    {
        Assert.True(
            await Deadline.WaitAsync(() => sent.All(number => Sends(number) > 0), Soon, Cancellation),
            $"Of {string.Join(", ", sent)} only {string.Join(", ", sent.Where(number => Sends(number) > 0))} left in time. {_log}");

        // What is recorded after them leaves after them, or with them: so what has not left by then, and is not there, never will.
        var last = NewNumber();
        await using var connection = await Source.OpenConnectionAsync(Cancellation);
        await Outbox.RecordAsync(connection, new OrderPlaced(last), cancellationToken: Cancellation);
        Assert.True(await Deadline.WaitAsync(() => Sends(last) > 0, Soon, Cancellation), $"{last} did not leave in time. {_log}");
        Assert.All(sent, number => Assert.Equal(1, Sends(number)));
        Assert.All(never, number => Assert.Equal(0, Sends(number)));
        foreach (var number in never.Concat(sent))
        {
            Assert.True(await Deadline.WaitAsync(
                async () => await CountAsync("databus_outbox.message", $"content::json ->> 'number' = '{number}'") == 0, Soon, Cancellation));
        }
    }

    internal async Task SendAsync(OutboxMessage<OrderPlaced> message)
    {
        if (Receiver is not null)
            await Receiver(message);
        _sends.AddOrUpdate(message.Content.Number, 1, static (_, times) => times + 1);
    }
}

internal sealed class OrderSender(Shop shop) : IOutboxSender<OrderPlaced>
{
    public Task SendAsync(OutboxMessage<OrderPlaced> message, CancellationToken cancellationToken) => shop.SendAsync(message);
}

internal sealed class ConsignmentSender(Shop shop) : IOutboxBatchSender<Consignment>
{
    public Task<IReadOnlyList<SendOutcome>> SendAsync(IReadOnlyList<OutboxMessage<Consignment>> messages, CancellationToken cancellationToken)
    {
        foreach (var message in messages)
            shop.Consignments.Enqueue(message);
        return Task.FromResult<IReadOnlyList<SendOutcome>>([.. messages.Select(_ => SendOutcome.Sent)]);
    }
}
