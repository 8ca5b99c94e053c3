using System.Globalization;
using Databus.Outbox;
using Databus.Postgres.Outbox;
using Databus.RabbitMq.Outbox;
using Databus.Testing;
using Databus.Testing.Servers;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Npgsql;

namespace Databus.RabbitMq.Tests.Outbox;

/// <summary>
/// A service goes on recording while its broker is away: no attempt is used up, no transaction stays open, its connection pool is
/// free, and afterwards all arrives. The proof <c>broker-away</c> does the same for ten minutes.
/// </summary>
public sealed class BrokerAwayTests : IAsyncLifetime
{
    private const string Queue = "parcels";
    private const int Keys = 10;

    /// <summary>The outbox listens on one of these; few others are left for it and the service.</summary>
    private const int PoolSize = 6;

    private static readonly TimeSpan Away = TimeSpan.FromSeconds(8);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly List<Guid> _recorded = [];
    private RabbitMqServer _rabbit = null!;
    private NpgsqlDataSource _source = null!;
    private IHost _host = null!;
    private string _database = "";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _rabbit = await RabbitMqServer.StartAsync();
        var server = await SharedPostgres.GetAsync();
        _database = await server.CreateDatabaseAsync();
        _source = NpgsqlDataSource.Create($"{server.ConnectionString(_database)};Maximum Pool Size={PoolSize};Timeout=5");
        var builder = Host.CreateEmptyApplicationBuilder(settings: null);
        builder.Services.AddOutbox().AddPostgresOutbox(_source);

        // Towards a broker that froze, a send hangs for longer than it is away: what a send held would be held all the time.
        builder.Services.AddRabbitMq(options => options.Uri = _rabbit.Address.AbsoluteUri);
        builder.Services.AddOutboxMessage<Parcel, RabbitMqSender<Parcel>>("parcel-sent", ParcelJson.Default.Parcel, options =>
        {
            options.OrderKey = static parcel => (parcel.Number % Keys).ToString(CultureInfo.InvariantCulture);
            options.MaxAttempts = 1;
        });
        builder.Services.AddRabbitMqSender<Parcel>(sender => sender.Queue = Queue);
        _host = builder.Build();
        await _host.StartAsync(Cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync(Cancellation);
        await ((IAsyncDisposable)_host).DisposeAsync();
        await _source.DisposeAsync();
        await _rabbit.DisposeAsync();
        await (await SharedPostgres.GetAsync()).DropDatabaseAsync(_database);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task No_attempt_is_used_up_no_transaction_is_open_the_pool_is_free_and_all_arrives_afterwards(bool freezes)
    {
        while (_recorded.Count < 50)
            await RecordAsync();
        await EmptyAsync();

        // RabbitMQ 3.10 can forget a queue that was declared a moment before a kill.
        await _rabbit.ControlAsync("eval", "mnesia:dump_log().");
        if (freezes)
            _rabbit.Freeze();
        else
            await _rabbit.KillAsync();
        for (var away = Deadline.In(Away); !away.IsOver || _recorded.Count < 350;)
        {
            await RecordAsync();
            if (_recorded.Count % 20 == 0)
                await LookAsync();
        }

        Assert.Equal(_recorded.Count - 50, await CountAsync("databus_outbox.message", "true"));
        if (freezes)
            _rabbit.Thaw();
        else
            await _rabbit.StartAgainAsync();
        await EmptyAsync();
        await ArrivedAsync(mayDouble: freezes);
    }

    /// <summary>What must hold at any moment while the broker is away.</summary>
    private async Task LookAsync()
    {
        Assert.Equal(0, await CountAsync("databus_outbox.message", "attempts > 0 OR due_at IS NOT NULL"));
        Assert.Equal(0, await CountAsync("databus_outbox.parked", "true"));

        // What a send held, towards a broker that froze, would be this old before it is back; no claim is, whatever else the machine does.
        const string Open = "datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid() AND xact_start < clock_timestamp() - interval '4 s'";
        Assert.Equal(0, await CountAsync("pg_stat_activity", Open));

        // All but the one that listens and one for the outbox to work with.
        var connections = await Task.WhenAll(Enumerable.Range(0, PoolSize - 2).Select(_ => _source.OpenConnectionAsync(Cancellation).AsTask()));
        foreach (var connection in connections)
            await connection.DisposeAsync();
    }

    /// <summary>All that was recorded, and of each key in its order.</summary>
    private async Task ArrivedAsync(bool mayDouble)
    {
        await using var stranger = await Stranger.ConnectAsync(_rabbit.Address);
        var arrived = (await stranger.TakeAllAsync(Queue)).ConvertAll(message => Guid.Parse(message.BasicProperties.MessageId!));

        // A broker that wakes up may take what nobody waits for any more, besides what is sent again.
        if (!mayDouble)
            Assert.Equal(_recorded.Count, arrived.Count);
        Assert.Equal(_recorded.Order(), arrived.Distinct().Order());
        var firsts = arrived.Distinct().Select(id => _recorded.IndexOf(id)).ToLookup(number => number % Keys);
        Assert.All(firsts, key => Assert.Equal(key.Order(), key));
    }

    private async Task RecordAsync()
    {
        await using var connection = await _source.OpenConnectionAsync(Cancellation);
        await using var transaction = await connection.BeginTransactionAsync(Cancellation);
        var id = await _host.Services.GetRequiredService<OutboxClient>().RecordAsync(transaction, new Parcel(_recorded.Count), cancellationToken: Cancellation);
        await transaction.CommitAsync(Cancellation);
        _recorded.Add(id);
    }

    private async Task EmptyAsync() =>
        Assert.True(await Deadline.WaitAsync(async () => await CountAsync("databus_outbox.message", "true") == 0, Patience, Cancellation));

    private async Task<long> CountAsync(string table, string where)
    {
        await using var command = _source.CreateCommand($"SELECT count(*) FROM {table} WHERE {where}");
        return (long)(await command.ExecuteScalarAsync(Cancellation))!;
    }
}
