using Databus.Outbox;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Databus.StoreSuite.Outbox;

/// <summary>A service with an outbox: a real host on the database of a test.</summary>
public sealed class OutboxNode : IAsyncDisposable
{
    private readonly IHost _host;

    private OutboxNode(IHost host) => _host = host;

    public OutboxClient Client => Services.GetRequiredService<OutboxClient>();

    public IOutboxStore Store => Services.GetRequiredService<IOutboxStore>();

    public IServiceProvider Services => _host.Services;

    /// <summary>Starts a service that sends notes and parcels to a mailbox.</summary>
    /// <param name="configure">What is different about notes.</param>
    /// <param name="more">What else the service has.</param>
    public static async Task<OutboxNode> StartAsync(
        OutboxHome home, Mailbox box, Action<OutboxMessageOptions<Note>>? configure = null, Action<OutboxOptions>? options = null,
        Action<IServiceCollection>? more = null)
    {
        var builder = new HostApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Logging.ClearProviders();
        builder.Services.AddSingleton(box);
        home.AddTo(builder.Services);
        builder.Services.AddOutbox(options);
        builder.Services.AddOutboxMessage<Note, NoteSender>("note", NoteJson.Default.Note, settings =>
        {
            settings.OrderKey = static note => note.Key;
            settings.BackOff = static _ => TimeSpan.FromMilliseconds(50);
            configure?.Invoke(settings);
        });
        builder.Services.AddOutboxMessage<Parcel, ParcelSender>(
            "parcel", NoteJson.Default.Parcel, static settings => settings.BackOff = static _ => TimeSpan.FromMilliseconds(50));
        more?.Invoke(builder.Services);
        var host = builder.Build();
        await host.StartAsync();
        return new OutboxNode(host);
    }

    /// <summary>What arrives all the same, the relay was told of.</summary>
    public static void WithoutLooks(OutboxOptions options) => options.BetweenFullLooks = TimeSpan.FromHours(1);

    public Task StopAsync() => _host.StopAsync();

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync();
        await ((IAsyncDisposable)_host).DisposeAsync();
    }
}
