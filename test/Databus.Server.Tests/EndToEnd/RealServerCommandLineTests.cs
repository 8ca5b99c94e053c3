using Databus.Server.Tests.CommandLine;

namespace Databus.Server.Tests.EndToEnd;

/// <summary>The command line's suite against the real server.</summary>
public sealed class RealServerCommandLineTests : CommandLineSuite
{
    private RunningServer? _server;

    protected override async Task<Uri> StartServerAsync()
    {
        _server = new RunningServer();
        await _server.InitializeAsync();
        return _server.Address;
    }

    protected override Task StopServerAsync() => _server!.DisposeAsync().AsTask();
}
