using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Databus.Connectors.Http;
using Databus.Connectors.Webhooks;
using Databus.Destinations;
using Microsoft.AspNetCore.Http;

namespace Databus.Connectors.Tests.Webhooks;

public sealed class WebhookSenderTests
{
    private const string Old = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    private const string New = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    private static readonly DateTimeOffset Now = new(2026, 3, 1, 12, 30, 0, TimeSpan.Zero);

    [Fact]
    public async Task A_receiver_that_knows_the_secret_can_tell_that_it_is_ours()
    {
        var bodies = new ConcurrentQueue<string>();
        await using var server = await LoopbackServer.StartAsync(context => KeepAsync(context, bodies));
        using var client = Guarded.Client();
        Assert.Equal([SendOutcome.Sent], await Sender(client, server.Address).SendAsync([Outgoing.Message(7)], default));

        var body = Assert.Single(bodies);
        Assert.Equal("""{"type":"parcel-sent","timestamp":"2026-03-01T12:00:00.123Z","data":{"number":7}}""", body);
        var request = Assert.Single(server.Requests);
        Assert.Equal("application/json", request["Content-Type"]);
        Assert.Equal(Outgoing.Id(7).ToString(), request["webhook-id"]);
        Assert.Equal(Now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture), request["webhook-timestamp"]);
        Assert.Equal(Signature(Old, request, body), request["webhook-signature"]);
        Assert.DoesNotContain("traceparent", request.Keys, StringComparer.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task While_secrets_change_each_message_has_a_signature_of_each()
    {
        var bodies = new ConcurrentQueue<string>();
        await using var server = await LoopbackServer.StartAsync(context => KeepAsync(context, bodies));
        using var client = Guarded.Client();
        await Sender(client, server.Address, New, Old).SendAsync([Outgoing.Message(7)], default);
        var request = Assert.Single(server.Requests);
        Assert.Equal($"{Signature(New, request, bodies.Single())} {Signature(Old, request, bodies.Single())}", request["webhook-signature"]);
    }

    [Fact]
    public async Task What_is_sent_again_has_the_same_id()
    {
        await using var server = await LoopbackServer.StartAsync(_ => Task.CompletedTask);
        using var client = Guarded.Client();
        var sender = Sender(client, server.Address);
        await sender.SendAsync([Outgoing.Message(7)], default);
        await sender.SendAsync([Outgoing.Message(7)], default);
        Assert.Equal(2, server.Requests.Count);
        Assert.Single(server.Requests.Select(request => request["webhook-id"]).Distinct());
    }

    [Theory]
    [InlineData(200, SendResult.Sent)]
    [InlineData(204, SendResult.Sent)]
    [InlineData(301, SendResult.Failed)]
    [InlineData(400, SendResult.Failed)]
    [InlineData(401, SendResult.Failed)]
    [InlineData(404, SendResult.Failed)]
    [InlineData(410, SendResult.Hopeless)]
    [InlineData(413, SendResult.Hopeless)]
    [InlineData(429, SendResult.Unavailable)]
    [InlineData(500, SendResult.Failed)]
    [InlineData(502, SendResult.Unavailable)]
    [InlineData(503, SendResult.Unavailable)]
    [InlineData(504, SendResult.Unavailable)]
    public async Task Each_status_means_something(int status, SendResult result)
    {
        await using var server = await LoopbackServer.StartAsync(context =>
        {
            context.Response.StatusCode = status;
            context.Response.Headers.Location = "/elsewhere";
            return Task.CompletedTask;
        });
        using var client = Guarded.Client();
        var outcome = Assert.Single(await Sender(client, server.Address).SendAsync([Outgoing.Message(1)], default));
        Assert.Equal(result, outcome.Result);
        Assert.Equal(result == SendResult.Sent ? null : $"The server answered {status}.", outcome.Reason);
        Assert.Single(server.Requests);
    }

    [Theory]
    [InlineData("120", 120)]
    [InlineData("Sun, 01 Mar 2026 12:31:00 GMT", 60)]
    [InlineData("soon", null)]
    public async Task A_receiver_that_asks_for_patience_gets_it(string header, int? seconds)
    {
        await using var server = await LoopbackServer.StartAsync(context =>
        {
            context.Response.StatusCode = 429;
            context.Response.Headers.RetryAfter = header;
            return Task.CompletedTask;
        });
        using var client = Guarded.Client();
        var outcome = Assert.Single(await Sender(client, server.Address).SendAsync([Outgoing.Message(1)], default));
        Assert.Equal(seconds is { } wanted ? TimeSpan.FromSeconds(wanted) : null, outcome.RetryAfter);
    }

    [Fact]
    public async Task One_message_that_fails_does_not_spoil_the_others()
    {
        await using var server = await LoopbackServer.StartAsync(async context =>
        {
            using var reader = new StreamReader(context.Request.Body);
            if ((await reader.ReadToEndAsync()).Contains("\"number\":13}", StringComparison.Ordinal))
            {
                context.Response.StatusCode = 422;
                await context.Response.WriteAsync("thirteen\n\u001b[2Jis unlucky");
            }
        });
        using var client = Guarded.Client();
        var outcomes = await Sender(client, server.Address).SendAsync(Outgoing.Messages(50), default);
        Assert.Equal(new SendOutcome(SendResult.Failed, "The server answered 422: thirteen  [2Jis unlucky"), outcomes[12]);
        Assert.Equal(49, outcomes.Count(outcome => outcome == SendOutcome.Sent));
        Assert.Equal(50, server.Requests.Count);
    }

    [Fact]
    public async Task A_receiver_that_is_not_there_is_unavailable_and_is_not_asked_for_each_message()
    {
        Uri gone;
        await using (var server = await LoopbackServer.StartAsync(_ => Task.CompletedTask))
            gone = server.Address;
        using var client = Guarded.Client();
        var outcomes = await Sender(client, gone).SendAsync(Outgoing.Messages(100), default);
        Assert.Equal(100, outcomes.Count);
        Assert.All(outcomes, outcome => Assert.Equal(new SendOutcome(SendResult.Unavailable, "The server refused the connection."), outcome));
    }

    [Fact]
    public async Task After_a_plea_for_patience_nothing_more_is_begun()
    {
        await using var server = await LoopbackServer.StartAsync(context =>
        {
            context.Response.StatusCode = 503;
            return Task.CompletedTask;
        });
        using var client = Guarded.Client();
        var outcomes = await Sender(client, server.Address).SendAsync(Outgoing.Messages(100), default);
        Assert.All(outcomes, outcome => Assert.Equal(SendResult.Unavailable, outcome.Result));
        Assert.InRange(server.Requests.Count, 1, 8);
    }

    [Fact]
    public async Task An_internal_address_is_refused_and_uses_up_no_attempt()
    {
        await using var server = await LoopbackServer.StartAsync(_ => Task.CompletedTask);
        using var client = Guarded.Client(options => options.AllowedNetworks.Clear());
        var outcome = Assert.Single(await Sender(client, server.Address).SendAsync([Outgoing.Message(1)], default));
        Assert.Equal(new SendOutcome(SendResult.Unavailable, "The address 127.0.0.1 is internal and not allowed."), outcome);
        Assert.Empty(server.Requests);
    }

    [Fact]
    public async Task A_receiver_that_breaks_off_has_failed_with_this_message()
    {
        // It may be the message that breaks it; then it must not be tried for ever.
        await using var server = await LoopbackServer.StartAsync(context =>
        {
            context.Abort();
            return Task.CompletedTask;
        });
        using var client = Guarded.Client();
        var outcome = Assert.Single(await Sender(client, server.Address).SendAsync([Outgoing.Message(1)], default));
        Assert.Equal(SendResult.Failed, outcome.Result);
    }

    [Fact]
    public async Task A_receiver_that_does_not_answer_has_failed_with_this_message()
    {
        await using var server = await LoopbackServer.StartAsync(context => Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default));
        using var client = Guarded.Client(options => options.Timeout = TimeSpan.FromMilliseconds(200));
        var outcome = Assert.Single(await Sender(client, server.Address).SendAsync([Outgoing.Message(1)], default));
        Assert.Equal(new SendOutcome(SendResult.Failed, "The server did not send its whole answer within 0.2 s."), outcome);
    }

    [Fact]
    public async Task When_it_is_cancelled_what_has_arrived_counts_as_sent()
    {
        using var stop = new CancellationTokenSource();
        var answered = 0;
        await using var server = await LoopbackServer.StartAsync(async context =>
        {
            if (Interlocked.Increment(ref answered) <= 20)
                return;
            await stop.CancelAsync();
            await Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
        });
        using var client = Guarded.Client();
        var outcomes = await Sender(client, server.Address).SendAsync(Outgoing.Messages(100), stop.Token);
        Assert.Equal(100, outcomes.Count);
        Assert.InRange(outcomes.Count(outcome => outcome == SendOutcome.Sent), 13, 20);
        Assert.InRange(outcomes.Count(outcome => outcome.Result == SendResult.Failed), 1, 8);
        Assert.Equal(new SendOutcome(SendResult.Unavailable, "It was not sent in time."), outcomes[^1]);
    }

    private static WebhookSender<Parcel> Sender(GuardedHttpClient client, Uri address, params string[] secrets)
    {
        var options = new WebhookOptions { Address = address };
        foreach (var secret in secrets.DefaultIfEmpty(Old))
            options.Secrets.Add(secret);
        return new WebhookSender<Parcel>(client, options, new FixedTime(Now));
    }

    private static async Task KeepAsync(HttpContext context, ConcurrentQueue<string> bodies)
    {
        using var reader = new StreamReader(context.Request.Body);
        bodies.Enqueue(await reader.ReadToEndAsync());
    }

    /// <summary>As a receiver makes it, from what came.</summary>
    private static string Signature(string secret, Dictionary<string, string> headers, string body) => "v1," + Convert.ToBase64String(HMACSHA256.HashData(
        Convert.FromBase64String(secret["whsec_".Length..]), Encoding.UTF8.GetBytes($"{headers["webhook-id"]}.{headers["webhook-timestamp"]}.{body}")));
}
