using Databus.Proofs.Http;
using Databus.Proofs.Processes;
using Databus.Testing.Processes;

namespace Databus.Server.Tests.EndToEnd;

/// <summary>The real program on data of its own; it can be stopped and started again.</summary>
public abstract class RunningServer(ServerHome home) : IAsyncLifetime
{
    private readonly int _port = LoopbackPort.Find();
    private ServerProcess? _process;

    public Uri Address => _process!.Address;

    internal BusClient Client { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        await StartAsync();
        Client = new BusClient(Address, TimeSpan.FromSeconds(60));
    }

    public async Task RestartAsync()
    {
        await StopAsync();
        await StartAsync();
    }

    public async Task StopAsync() => Assert.Equal(0, await _process!.StopAsync(TestContext.Current.CancellationToken));

    public async Task StartAsync() =>
        _process = await ServerProcess.StartAsync(await home.SettingsAsync(_port), TestContext.Current.CancellationToken);

    /// <summary>The variables by which a command on this machine finds the server's data.</summary>
    internal Task<Dictionary<string, string>> VariablesAsync() => home.VariablesAsync();

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        if (_process is not null)
            await _process.DisposeAsync();
        await home.DisposeAsync();
        GC.SuppressFinalize(this);
    }
}

/// <inheritdoc/>
public sealed class SqliteServer() : RunningServer(new SqliteHome());

/// <inheritdoc/>
public sealed class PostgresServer() : RunningServer(new PostgresHome());
