using System.Collections.Concurrent;
using Databus.Connectors.Http;
using Databus.Connectors.RemoteTopics;
using Databus.Destinations;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;

namespace Databus.Connectors.Tests.RemoteTopics;

public sealed class RemoteTopicSenderTests
{
    private const string Trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    [Fact]
    public async Task The_id_of_a_message_is_the_key_of_its_item()
    {
        var paths = new ConcurrentQueue<string>();
        await using var server = await LoopbackServer.StartAsync(async context =>
        {
            using var reader = new StreamReader(context.Request.Body);
            paths.Enqueue($"{context.Request.Method} {context.Request.Path} {await reader.ReadToEndAsync()}");
            context.Response.StatusCode = 201;
        });
        using var client = Client();
        var sender = Sender(client, server.Address, "secret");
        Assert.Equal([SendOutcome.Sent], await sender.SendAsync([Outgoing.Message(7, trace: Trace)], default));
        Assert.Equal("""POST /api/v1/topics/parcels/items {"number":7}""", Assert.Single(paths));
        var request = Assert.Single(server.Requests);
        Assert.Equal($"\"{Outgoing.Id(7)}\"", request["Idempotency-Key"]);
        Assert.Equal("Bearer secret", request["Authorization"]);
        Assert.Equal(Trace, request["traceparent"]);
        Assert.Equal("application/json", request["Content-Type"]);
    }

    [Theory]
    [InlineData(201, SendResult.Sent)]
    [InlineData(409, SendResult.Sent)]
    [InlineData(400, SendResult.Hopeless)]
    [InlineData(413, SendResult.Hopeless)]
    [InlineData(415, SendResult.Hopeless)]
    [InlineData(401, SendResult.Unavailable)]
    [InlineData(403, SendResult.Unavailable)]
    [InlineData(404, SendResult.Unavailable)]
    [InlineData(429, SendResult.Unavailable)]
    [InlineData(503, SendResult.Unavailable)]
    [InlineData(507, SendResult.Unavailable)]
    [InlineData(500, SendResult.Failed)]
    public async Task Each_status_means_something(int status, SendResult result)
    {
        await using var server = await LoopbackServer.StartAsync(context =>
        {
            context.Response.StatusCode = status;
            return context.Response.WriteAsync("""{"error":"so it is"}""");
        });
        using var client = Client();
        var outcome = Assert.Single(await Sender(client, server.Address).SendAsync([Outgoing.Message(1)], default));
        Assert.Equal(result, outcome.Result);
        Assert.Equal(result == SendResult.Sent ? null : $$"""The server answered {{status}}: {"error":"so it is"}""", outcome.Reason);
    }

    [Fact]
    public async Task A_server_behind_a_path_is_found()
    {
        var paths = new ConcurrentQueue<string>();
        await using var server = await LoopbackServer.StartAsync(context =>
        {
            paths.Enqueue(context.Request.Path);
            return Task.CompletedTask;
        });
        using var client = Client();
        await Sender(client, new Uri(server.Address, "/databus/")).SendAsync([Outgoing.Message(1)], default);
        Assert.Equal("/databus/api/v1/topics/parcels/items", Assert.Single(paths));
    }

    [Fact]
    public void Options_are_judged_and_no_token_is_quoted()
    {
        var options = new RemoteTopicOptions();
        Assert.Contains("Server", options.FindMistake(), StringComparison.Ordinal);
        options.Server = new Uri("http://127.0.0.1:5001");
        Assert.Contains("topic", options.FindMistake(), StringComparison.Ordinal);
        options.Topic = "no topic";
        Assert.Contains("topic", options.FindMistake(), StringComparison.Ordinal);
        options.Topic = "parcels";
        Assert.Null(options.FindMistake());
        options.Token = "two\nlines";
        Assert.Contains("Token", options.FindMistake(), StringComparison.Ordinal);
        Assert.DoesNotContain("lines", options.FindMistake(), StringComparison.Ordinal);
    }

    private static RemoteTopicClient Client() => new(Options.Create(new GuardedHttpOptions()), TimeProvider.System);

    private static RemoteTopicSender<Parcel> Sender(RemoteTopicClient client, Uri server, string? token = null) =>
        new(client, new RemoteTopicOptions { Server = server, Topic = "parcels", Token = token });
}
