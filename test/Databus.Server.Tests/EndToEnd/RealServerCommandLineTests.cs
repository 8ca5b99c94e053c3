using Databus.Server.Tests.CommandLine;

namespace Databus.Server.Tests.EndToEnd;

/// <summary>The command line's suite against the real server.</summary>
public abstract class RealServerCommandLineTests(RunningServer server) : CommandLineSuite
{
    protected override async Task<Uri> StartServerAsync()
    {
        await server.InitializeAsync();
        return server.Address;
    }

    protected override Task StopServerAsync() => server.DisposeAsync().AsTask();
}
