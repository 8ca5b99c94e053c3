namespace Databus.Server.Tests.CommandLine;

/// <summary>The suite against the fake: it keeps the fake honest for the tests that need to step in.</summary>
public sealed class FakeServerCommandLineTests : CommandLineSuite
{
    private FakeServer? _server;

    protected override async Task<Uri> StartServerAsync()
    {
        _server = await FakeServer.StartAsync();
        return _server.Url;
    }

    protected override Task StopServerAsync() => _server!.DisposeAsync().AsTask();
}
