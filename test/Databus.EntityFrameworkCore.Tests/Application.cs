using System.Text.Json;
using System.Text.Json.Serialization;
using Databus.CommandLine;
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

namespace Databus.EntityFrameworkCore.Tests;

/// <summary>
/// An application of one test, on a database of its own. It polls once a minute: what arrives <see cref="Soon"/> was told of.
/// </summary>
internal sealed class Application : IAsyncDisposable
{
    /// <summary>Far more than a wake-up takes on a busy machine, and far less than the poll.</summary>
    public static readonly TimeSpan Soon = TimeSpan.FromSeconds(20);

    private readonly Setting _setting;
    private readonly IHost _host;
    private readonly Troubles _log;
    private readonly string _database;

    private Application(Setting setting, IHost host, Troubles log, string database)
    {
        _setting = setting;
        _host = host;
        _log = log;
        _database = database;
    }

    public Outside Outside => _setting.Outside;

    public NpgsqlDataSource Source => _setting.Source;

    public IServiceProvider Services => _host.Services;

    public OutboxClient Outbox => Services.GetRequiredService<OutboxClient>();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static async Task<Application> StartAsync(
        Action<OutboxMessageOptions<OrderPlaced>>? orders = null, Action<OutboxMessageOptions<Reminder>>? reminders = null, Action<OutboxOptions>? options = null)
    {
        var server = await SharedPostgres.GetAsync();
        var database = await server.CreateDatabaseAsync();
        var setting = new Setting(NpgsqlDataSource.Create(server.ConnectionString(database)), new Outside(), orders, reminders, options);
        var log = new Troubles();
        var host = setting.Build(server.ConnectionString(database), log);
        await host.StartAsync(Cancellation);
        var application = new Application(setting, host, log, database);
        await using var context = application.Context();
        await context.GetService<IRelationalDatabaseCreator>().CreateTablesAsync(Cancellation);
        return application;
    }

    public ShopContext Context() => new(new DbContextOptionsBuilder<ShopContext>().UseNpgsql(Source).UseOutbox(Services).Options);

    /// <summary>Records messages in one save.</summary>
    public async Task RecordAsync(params IEnumerable<object> messages)
    {
        await using var context = Context();
        foreach (var message in messages)
            Record(context, message);
        await context.SaveChangesAsync(Cancellation);
    }

    /// <summary>Runs one of the outbox's commands in a process that is not this one, as far as the outbox can know. Gives its exit code.</summary>
    public async Task<int> CommandAsync(string line)
    {
        var host = _setting.Build(Source.ConnectionString, _log);
        return await host.RunWithOutboxCommandsAsync(["outbox", .. line.Split(' ')], Cancellation);
    }

    /// <summary>Sees to it that so many arrive soon, and that these are all.</summary>
    public async Task ArriveAsync(params IReadOnlyCollection<int> numbers)
    {
        Assert.True(
            await Deadline.WaitAsync(() => Outside.Arrivals.Count >= numbers.Count, Soon, Cancellation),
            $"Of {string.Join(", ", numbers)} only {string.Join(", ", Outside.Numbers)} arrived. {_log}");
        Assert.Equal(numbers.Order(), Outside.Numbers.Order());
    }

    /// <summary>Sees to it that nothing is left to send.</summary>
    public async Task EmptyAsync() =>
        Assert.True(await Deadline.WaitAsync(async () => await CountAsync("databus_outbox.message") == 0, Soon, Cancellation), $"Some are left. {_log}");

    public Task<long> CountAsync(string table, string where = "true") => ValueAsync<long>($"SELECT count(*) FROM {table} WHERE {where}");

    public async Task<T> ValueAsync<T>(string sql)
    {
        await using var command = Source.CreateCommand(sql);
        return (T)(await command.ExecuteScalarAsync(Cancellation))!;
    }

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync(Cancellation);
        await ((IAsyncDisposable)_host).DisposeAsync();
        await Source.DisposeAsync();
        await (await SharedPostgres.GetAsync()).DropDatabaseAsync(_database);
    }

    private static void Record(ShopContext context, object message) => _ = message switch
    {
        OrderPlaced order => context.Record(order),
        Reminder reminder => context.Record(reminder),
        Consignment consignment => context.Record(consignment),
        _ => throw new ArgumentException("No such message.", nameof(message)),
    };

    /// <summary>What every process of the application has in common.</summary>
    private sealed record Setting(
        NpgsqlDataSource Source, Outside Outside, Action<OutboxMessageOptions<OrderPlaced>>? Orders, Action<OutboxMessageOptions<Reminder>>? Reminders,
        Action<OutboxOptions>? Options)
    {
        public IHost Build(string connectionString, Troubles log)
        {
            var builder = Host.CreateEmptyApplicationBuilder(settings: null);
            builder.Logging.AddProvider(log);
            builder.Services.AddPostgresOutbox(connectionString).AddOutbox(options =>
            {
                options.BetweenFullLooks = TimeSpan.FromMinutes(1);
                Options?.Invoke(options);
            });
            builder.Services.AddOutboxMessage(
                "order-placed", ShopJson.Default.OrderPlaced, IOutboxSender<OrderPlaced> (_) => new SingleSender<OrderPlaced>(Outside, order => order.Number), Orders);
            builder.Services.AddOutboxMessage(
                "reminder", ReminderJson.Default.Reminder, IOutboxBatchSender<Reminder> (_) => new BatchSender<Reminder>(Outside, reminder => reminder.Number), Reminders);
            builder.Services.AddOutboxMessage(
                "consignment", ShopJson.Default.Consignment,
                IOutboxBatchSender<Consignment> (_) => new BatchSender<Consignment>(Outside, consignment => consignment.Lines.Count),
                options => options.KeepIn<ShopContext, Consignment>());
            builder.Services.AddDbContextFactory<ShopContext>((provider, options) => options.UseNpgsql(Source).UseOutbox(provider));
            return builder.Build();
        }
    }
}

/// <summary>A message that is sent in batches.</summary>
internal sealed record Reminder(int Number);

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(Reminder))]
internal sealed partial class ReminderJson : JsonSerializerContext;
