using Databus.Outbox;
using Databus.Postgres.Outbox;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Databus.Bench.Outbox;

/// <summary>A service with an outbox on PostgreSQL.</summary>
internal sealed class OutboxService : IAsyncDisposable
{
    private readonly IHost _host;

    private OutboxService(IHost host) => _host = host;

    public IServiceProvider Services => _host.Services;

    public OutboxClient Outbox => _host.Services.GetRequiredService<OutboxClient>();

    /// <summary>Starts it, with its tables.</summary>
    /// <param name="add">Adds the message and its sender.</param>
    public static async Task<OutboxService> StartAsync(string connectionString, Action<IServiceCollection> add, bool relays = true)
    {
        var builder = new HostApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Logging.SetMinimumLevel(LogLevel.Warning).AddSimpleConsole();
        builder.Services.AddOutbox(options => options.Relay = relays).AddPostgresOutbox(connectionString);
        add(builder.Services);
        var service = new OutboxService(builder.Build());
        await service._host.StartAsync();
        return service;
    }

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync();
        if (_host is IAsyncDisposable host)
            await host.DisposeAsync();
    }
}
