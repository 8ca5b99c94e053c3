using System.Collections.Concurrent;
using System.Diagnostics;
using System.IO.Pipelines;
using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Databus.Proofs.Http;
using Databus.Proofs.Processes;
using Databus.Testing;
using Databus.Testing.Processes;

namespace Databus.Server.Tests.EndToEnd;

/// <summary>SIGTERM to the real program, under load: what it promises is kept, and within 10 seconds.</summary>
public abstract class DrainTests(ServerHome home) : IAsyncLifetime
{
    /// <summary>More than the server gathers before it appends.</summary>
    private const int FirstLines = 5_000;

    private static readonly TimeSpan Promised = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly int _port = LoopbackPort.Find();
    private ServerProcess _server = null!;
    private HttpClient _http = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _server = await StartServerAsync();
        _http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = _server.Address, Timeout = TimeSpan.FromMinutes(2) };
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _server.DisposeAsync();
        await home.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task What_is_under_way_ends_who_waits_is_answered_and_what_was_acknowledged_is_there()
    {
        await PutAsync("api/v1/topics/quiet");
        await PutAsync("api/v1/topics/quiet/subscriptions/reader");
        await PutAsync("api/v1/topics/ads");
        var polls = Enumerable.Range(0, 20).Select(_ => _http.PostAsJsonAsync(
            "api/v1/topics/quiet/subscriptions/reader/fetch", new { waitSeconds = 60 }, Cancellation)).ToList();
        using var events = await _http.GetAsync("api/v1/topics/quiet/events", HttpCompletionOption.ResponseHeadersRead, Cancellation);
        var (upload, sending) = await UploadAsync();

        using var client = new BusClient(_server.Address, Patience);
        var acknowledged = new ConcurrentDictionary<long, string>();
        var senders = Enumerable.Range(0, 8).Select(sender => Task.Run(() => AddAsync(client, sender, acknowledged), Cancellation)).ToList();
        Assert.True(await Deadline.WaitAsync(() => acknowledged.Count > 500, Patience, Cancellation));
        Assert.All(polls, poll => Assert.False(poll.IsCompleted));

        var signalled = Stopwatch.GetTimestamp();
        Signal.Send(_server.Id, Signal.Terminate);
        foreach (var poll in polls)
        {
            using var answer = await poll;
            Assert.Equal((HttpStatusCode.OK, """{"items":[]}"""), (answer.StatusCode, await answer.Content.ReadAsStringAsync(Cancellation)));
        }

        await events.Content.ReadAsStringAsync(Cancellation);
        await upload.WriteAsync("{\"line\":\"last\"}\n"u8.ToArray(), Cancellation);
        await upload.CompleteAsync();
        using (var answer = await sending)
            Assert.Equal(FirstLines + 1, (await answer.Content.ReadFromJsonAsync<JsonElement>(Cancellation)).GetProperty("added").GetInt32());
        Assert.True(await _server.TryWaitForExitAsync(Patience, Cancellation));
        Assert.InRange(Stopwatch.GetElapsedTime(signalled), TimeSpan.Zero, Promised);
        Assert.Equal(0, _server.ExitCode);
        Assert.Null(_server.FirstFailure);
        await Task.WhenAll(senders);

        await _server.DisposeAsync();
        _server = await StartServerAsync();
        using var after = new BusClient(_server.Address, Patience);
        var there = new Dictionary<long, string>();
        await foreach (var item in after.ReadAllAsync("ads", after: 0, Cancellation))
            there[Answer.ReadId(item)] = item.GetProperty("content").GetProperty("ad").GetString() ?? "";
        Assert.All(acknowledged, add => Assert.Equal(add.Value, there.GetValueOrDefault(add.Key)));
        TestContext.Current.SendDiagnosticMessage($"{acknowledged.Count} adds were acknowledged until the end.");

        // The one that stopped has said goodbye.
        var nodes = await after.SendAsync(HttpMethod.Get, "api/v1/nodes", body: null, Cancellation);
        Assert.True(Assert.Single(nodes.Body.GetProperty("nodes").EnumerateArray()).GetProperty("isThis").GetBoolean());
    }

    [Fact]
    public async Task A_request_that_does_not_end_is_cut_off_in_time()
    {
        var (upload, sending) = await UploadAsync();
        var signalled = Stopwatch.GetTimestamp();
        Signal.Send(_server.Id, Signal.Terminate);
        Assert.True(await _server.TryWaitForExitAsync(Patience, Cancellation));
        Assert.InRange(Stopwatch.GetElapsedTime(signalled), TimeSpan.FromSeconds(5), Promised);
        Assert.Equal(0, _server.ExitCode);
        await upload.CompleteAsync();
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => sending);
    }

    /// <summary>Sends what nobody sent before, until the server is gone.</summary>
    private static async Task AddAsync(BusClient client, int sender, ConcurrentDictionary<long, string> acknowledged)
    {
        for (var number = 0; ; number++)
        {
            var ad = $"{sender}-{number}";
            var answer = await client.AddAsync("ads", Encoding.UTF8.GetBytes($$"""{"ad":"{{ad}}"}"""), idempotencyKey: null, Cancellation);
            if (answer.Result == AddResult.Added)
                Assert.True(acknowledged.TryAdd(answer.Id, ad));
            else
                return;
        }
    }

    /// <summary>A request that has begun: some of its lines are on disk, and it goes on as the test wants.</summary>
    private async Task<(PipeWriter Lines, Task<HttpResponseMessage> Answer)> UploadAsync()
    {
        var pipe = new Pipe();
        var body = new StreamContent(pipe.Reader.AsStream());
        body.Headers.ContentType = new("application/x-ndjson");
        var answer = _http.PostAsync("api/v1/topics/uploads/items", body, Cancellation);
        var lines = string.Concat(Enumerable.Range(1, FirstLines).Select(line => $"{{\"line\":{line}}}\n"));
        await pipe.Writer.WriteAsync(Encoding.UTF8.GetBytes(lines), Cancellation);

        // The topic comes with the first batch of lines.
        Assert.True(await Deadline.WaitAsync(
            async () => (await _http.GetAsync("api/v1/topics/uploads", Cancellation)).IsSuccessStatusCode, Patience, Cancellation));
        return (pipe.Writer, answer);
    }

    private async Task<ServerProcess> StartServerAsync() => await ServerProcess.StartAsync(await home.SettingsAsync(_port), Cancellation);

    private async Task PutAsync(string path) => (await _http.PutAsJsonAsync(path, new { }, Cancellation)).EnsureSuccessStatusCode();
}
