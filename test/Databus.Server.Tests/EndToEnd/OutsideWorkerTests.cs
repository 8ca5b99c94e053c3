using Databus.Proofs.Processes;
using Databus.Testing;
using Databus.Testing.Processes;

namespace Databus.Server.Tests.EndToEnd;

/// <summary>A client and worker in Python, which has nothing but its standard library, on the real program.</summary>
public abstract class OutsideWorkerTests(ServerHome home) : IAsyncLifetime
{
    private ServerProcess _server = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        // The node leaves the queue of the outside worker alone.
        var settings = await home.SettingsAsync(LoopbackPort.Find());
        _server = await ServerProcess.StartAsync(
            settings with { Environment = new Dictionary<string, string>(StringComparer.Ordinal) { ["DATABUS_JOB_QUEUES"] = "default" } }, Cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        await home.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task It_enqueues_follows_cancels_and_works()
    {
        var output = await ExternalTool.RunAsync(
            ExternalTool.Find("python3", "python3", "/usr/bin"),
            Path.Combine(Checkout.Root, "test/Databus.Server.Tests/EndToEnd/worker.py"), _server.Address.ToString(), "python");

        Assert.Equal(
            [
                """result {"sum": 5050, "\u00fc": [1.5, null, true]} python True""",
                "cancel 202 cancelled",
                "failed failed 2 ValueError('attempt 2')",
                "lost succeeded 2 [True]",
                "unknown 404 There is no job 999999999.",
            ],
            output.Split('\n'));
        Assert.Null(_server.FirstFailure);
    }
}
