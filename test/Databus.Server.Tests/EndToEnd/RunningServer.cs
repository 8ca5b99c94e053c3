using Databus.Proofs.Http;
using Databus.Proofs.Processes;
using Databus.Testing;
using Databus.Testing.Processes;

namespace Databus.Server.Tests.EndToEnd;

/// <summary>The real program on a folder of its own; it can be stopped and started again.</summary>
public sealed class RunningServer : IAsyncLifetime
{
    private readonly TemporaryFolder _data = new();
    private readonly int _port = LoopbackPort.Find();
    private ServerProcess? _process;

    public Uri Address => _process!.Address;

    public string DataFolder => _data.Path;

    internal BusClient Client { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        _process = await ServerProcess.StartAsync(_data.Path, _port, TestContext.Current.CancellationToken);
        Client = new BusClient(Address, TimeSpan.FromSeconds(60));
    }

    public async Task RestartAsync()
    {
        Assert.Equal(0, await _process!.StopAsync(TestContext.Current.CancellationToken));
        _process = await ServerProcess.StartAsync(_data.Path, _port, TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        if (_process is not null)
            await _process.DisposeAsync();
        _data.Dispose();
    }
}
