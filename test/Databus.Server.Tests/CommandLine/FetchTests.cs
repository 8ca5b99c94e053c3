using System.Text;
using System.Text.Json;
using Databus.Server.CommandLine;

namespace Databus.Server.Tests.CommandLine;

public sealed class FetchTests : IAsyncLifetime
{
    private FakeServer _server = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await FakeServer.StartAsync();
        _server.Append("t", ["{\"a\":\"Straße\"}", "{\"a\":\"\\u001b[31m\"}", "{\"a\":1.50}"]);
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task Contents_keep_their_letters_and_numbers_and_cannot_paint_the_terminal() => Assert.Equal(
        "{\"a\":\"Straße\"}\n{\"a\":\"\\u001B[31m\"}\n{\"a\":1.50}\n",
        (await CommandRun.OfAsync(["fetch", "t", "--all"], _server.Url)).Out);

    [Fact]
    public async Task What_was_written_is_acknowledged()
    {
        await CommandRun.OfAsync(["fetch", "t", "--max", "2"], _server.Url);
        FakeRequest ack = Assert.Single(Acknowledgements());
        Assert.Equal("{\"tokens\":[\"token-0\",\"token-1\"]}", ack.Body);
    }

    [Fact]
    public async Task What_could_not_be_written_is_not_acknowledged()
    {
        CommandRun run = await CommandRun.OfAsync(["fetch", "t", "--all"], _server.Url, output: new GoneReader());
        Assert.Equal(ExitCodes.Failed, run.ExitCode);
        Assert.Empty(Acknowledgements());
    }

    [Fact]
    public async Task Nothing_is_acknowledged_when_told_so()
    {
        CommandRun run = await CommandRun.OfAsync(["fetch", "t", "--no-ack", "--envelope"], _server.Url);
        JsonElement envelope = JsonElement.Parse(run.Out);
        Assert.Equal("1", envelope.GetProperty("id").GetString());
        Assert.Equal("token-0", envelope.GetProperty("token").GetString());
        Assert.Equal(1, envelope.GetProperty("attempt").GetInt32());
        Assert.Equal("Straße", envelope.GetProperty("content").GetProperty("a").GetString());
        Assert.Empty(Acknowledgements());
    }

    [Fact]
    public async Task An_item_whose_lease_ended_before_is_mentioned()
    {
        _server.Intervene = async (http, request) =>
        {
            if (!request.Path.EndsWith("/ack", StringComparison.Ordinal))
                return false;
            await http.Response.Body.WriteAsync("{\"acknowledged\":0,\"lost\":[\"token-0\"]}"u8.ToArray());
            return true;
        };
        CommandRun run = await CommandRun.OfAsync(["fetch", "t"], _server.Url);
        Assert.Contains("come again", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Options_reach_the_server()
    {
        await CommandRun.OfAsync(["fetch", "t", "--max", "2", "--wait", "20s", "--lease", "2m", "--subscription", "s"], _server.Url);
        FakeRequest request = _server.Requests[0];
        Assert.Equal("/api/v1/topics/t/subscriptions/s/fetch", request.Path);
        Assert.Equal("{\"max\":2,\"waitSeconds\":20,\"leaseSeconds\":120}", request.Body);
    }

    [Fact]
    public async Task Following_goes_on_until_it_is_stopped_and_survives_a_pause_of_the_server()
    {
        using var stop = new CancellationTokenSource();
        int fetches = 0;
        _server.Intervene = async (http, request) =>
        {
            if (!request.Path.EndsWith("/fetch", StringComparison.Ordinal))
                return false;
            switch (++fetches)
            {
                case 2:
                    http.Abort();
                    return true;
                case 3:
                    await FakeServer.RefuseAsync(http, 503, "Busy.", 2);
                    return true;
                case 4:
                    _server.Append("t", ["{\"late\":1}"]);
                    return false;
                case 6:
                    await stop.CancelAsync();
                    return true;
                default:
                    return false;
            }
        };
        CommandRun run = await CommandRun.OfAsync(
            ["fetch", "t", "--follow"], _server.Url, time: new JumpingTime(), stop: stop.Token);
        Assert.Equal(4, run.Lines.Length);
        Assert.Equal("{\"late\":1}", run.Lines[^1]);
        Assert.Equal(ExitCodes.Interrupted, run.ExitCode);
        Assert.Equal(2, Acknowledgements().Count());
    }

    private IEnumerable<FakeRequest> Acknowledgements() =>
        _server.Requests.Where(request => request.Path.EndsWith("/ack", StringComparison.Ordinal));

    /// <summary>A pipe whose reader has gone.</summary>
    private sealed class GoneReader : StringWriter
    {
        public override Task WriteAsync(StringBuilder? value, CancellationToken cancellationToken = default) =>
            throw new IOException("Broken pipe");
    }
}
