using System.Text;
using FsCheck;
using FsCheck.Fluent;

namespace Databus.AspNetCore.Tests;

/// <summary>Whatever is sent, the answer is never that the server broke.</summary>
public sealed class FuzzTests(DatabusApp app, ITestOutputHelper output) : IClassFixture<DatabusApp>
{
    private const int Requests = 4000;
    private const int Size = 20;

    private static readonly string[] Methods = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"];

    private static readonly string[] Paths =
    [
        "/add", "/fetch", "/api/v1/topics", "/api/v1/topics/T", "/api/v1/topics/T/items", "/api/v1/topics/T/subscriptions",
        "/api/v1/topics/T/subscriptions/S", "/api/v1/topics/T/subscriptions/S/fetch", "/api/v1/topics/T/subscriptions/S/ack",
        "/api/v1/topics/T/subscriptions/S/nack", "/api/v1/topics/T/subscriptions/S/extend", "/api/v1/topics/T/subscriptions/S/rewind",
        "/api/v1/topics/T/subscriptions/S/dead", "/api/v1/topics/T/subscriptions/S/dead/replay", "/api/v1/topics/T/subscriptions/S/dead/discard",
        "/api/v1/subscriptions", "/api/v1/sources", "/api/v1/sources/S", "/api/v1/sources/S/poll", "/api/v1/tokens", "/api/v1/tokens/S",
        "/api/v1/jobs", "/api/v1/jobs/T", "/api/v1/jobs/1", "/api/v1/jobs/1/log", "/api/v1/jobs/1/cancel", "/api/v1/jobs/1/retry", "/api/v1/jobs/T/S",
        "/api/v1/jobs/bulk/cancel", "/api/v1/jobs/bulk/retry", "/api/v1/jobs/bulk/delete", "/api/v1/workers/claim", "/api/v1/workers/renew",
        "/api/v1/workers/report", "/api/v1/workers/complete", "/api/v1/queues", "/api/v1/queues/T", "/api/v1/schedules", "/api/v1/schedules/T",
        "/api/v1/schedules/T/run", "/api/v1/schedules/T/preview", "/api/v1/schedules/preview",
        "/api/v1/overview", "/health/live", "/health/ready", "/openapi/v1.json", "/", "/topics/T", "/assets/x.js", "/unknown",
    ];

    private static readonly string[] Names = ["a", "b", "default", "A.b-c_9", "%00", "%2F", "..", "%F0%9F%98%80", "%ED%A0%80", "a%20b", "'", "-", new string('n', 101)];

    private static readonly string[] Parameters =
    [
        "topic", "subscription", "lease", "after", "before", "limit", "q", "state", "queue", "name", "olderThanSeconds", "enqueuedAfter", "count", "priority",
        "delaySeconds", "dueAt", "expiresSeconds", "maxAttempts", "uniqueKey", "limitKey", "maxRunning", "maxStarts", "perSeconds",
    ];

    private static readonly string[] Values =
        ["", "0", "1", "-1", "5", "1000", "9223372036854775807", "9223372036854775808", "1e400", "NaN", "latest", "a", "%00", "%ED%A0%80", "%F0%9F%98%80", "%", "'", "\"", "*", "30"];

    private static readonly string?[] Types =
    [
        null, "application/json", "application/json; charset=utf-16", "application/x-ndjson", "application/cloudevents+json",
        "application/cloudevents-batch+json", "text/plain", "application/octet-stream",
    ];

    private static readonly string[] Members =
    [
        "id", "source", "specversion", "type", "data", "max", "waitSeconds", "leaseSeconds", "tokens", "delaySeconds", "reason", "to", "after", "time",
        "ids", "start", "maxAttempts", "maxInFlight", "keyPointers", "windowSeconds", "retentionSeconds", "name", "kind", "url", "topic",
        "intervalSeconds", "paused", "destination", "arguments", "queue", "priority", "dueAt", "uniqueKey", "limitKey", "maxRunning",
        "maxStarts", "perSeconds", "worker", "queues", "names", "token", "progress", "message", "lines", "level", "text", "completions", "outcome", "result", "error",
        "filter", "states", "q", "all", "before", "everySeconds", "cron", "zone", "job", "catchUp", "overlap", "jitterSeconds", "count", "a", "\\ud800", "\\u0000", "__proto__", "",
    ];

    private static readonly string[] Scalars =
    [
        "null", "true", "0", "1", "-1", "1.5", "1e400", "-0", "99999999999999999999", "\"\"", "\"1.0\"", "\"/s\"", "\"a\"", "\"1\"", "\"1-1\"", "\"1-ffffffffffffffff\"",
        "\"9223372036854775807-7fffffffffffffff\"", "\"beginning\"", "\"end\"", "\"2026-01-01T00:00:00Z\"", "\"0001-01-01T00:00:00+14:00\"", "\"9999-12-31T23:59:59-14:00\"",
        "\"\\ud800\"", "\"\\u0000\"", "\"http://127.0.0.1:1/\"", "\"http://[\"", "\"/a\"", "nul", "{", "]", "\u2028",
    ];

    private static readonly (string Name, string Value)[] Headers =
    [
        ("Idempotency-Key", "k"), ("Idempotency-Key", "\"k"), ("Idempotency-Key", "\\"), ("Last-Event-ID", "x"), ("Last-Event-ID", "5"),
        ("ce-specversion", "1.0"), ("ce-id", "%00"), ("ce-source", "/s"), ("ce-type", "%ED%A0%80"), ("ce-", "x"), ("ce-data", "1"),
        ("Accept", "text/html"), ("Accept-Encoding", "gzip"), ("Origin", "null"), ("Host", "evil.example"), ("Authorization", "Bearer x"),
        ("X-Forwarded-For", "1.2.3.4"), ("Range", "bytes=5-1"), ("If-Modified-Since", "never"), ("Expect", "200-maybe"), ("Content-Encoding", "gzip"),
    ];

    private static readonly Gen<string> Json = Gen.Sized(JsonOf);

    private static readonly Gen<byte[]> Body = Gen.OneOf(
        Gen.Constant(Array.Empty<byte>()),
        Json.Select(Encoding.UTF8.GetBytes),
        Json.Select(Encoding.UTF8.GetBytes),
        from bodies in Gen.NonEmptyListOf(Json)
        from separator in Gen.Elements("\n", "\r\n", "\n\n", ",")
        select Encoding.UTF8.GetBytes(string.Join(separator, bodies)),
        from json in Json
        from at in Gen.Choose(0, 1000)
        from replaced in Gen.Choose(0, 255)
        select Mutated(json, at, (byte)replaced),
        Gen.ArrayOf(Gen.Choose(0, 255).Select(number => (byte)number)));

    private static readonly Gen<Request> AnyRequest =
        from method in Gen.Elements(Methods)
        from path in Gen.Elements(Paths)
        from topic in Gen.Elements(Names)
        from other in Gen.Elements(Names)
        from query in Gen.ListOf(from name in Gen.Elements(Parameters) from value in Gen.Elements(Values) select $"{name}={value}")
        from headers in Gen.SubListOf(Headers)
        from hasHeaders in Gen.Elements(true, false, false)
        from type in Gen.Elements(Types)
        from body in Body
        select new Request(
            method, path.Replace("T", topic, StringComparison.Ordinal).Replace("S", other, StringComparison.Ordinal) + "?" + string.Join('&', query.Take(4)),
            hasHeaders ? [.. headers] : [], type, body);

    [Fact]
    public async Task No_request_breaks_the_server()
    {
        var seed = (ulong)Random.Shared.NextInt64();
        output.WriteLine($"Seed {seed}");
        await using var small = await DatabusApp.StartAsync(new AppSetup { Http = http => http.MaxLiveViews = 4 });

        foreach (var batch in AnyRequest.Sample(Requests, new Rnd(seed), Size).Chunk(32))
            await Task.WhenAll(batch.Select(request => SendAsync(small, request)));

        Assert.Equal(200, (await small.GetAsync("/health/ready")).Status);
        Assert.Equal(200, (await app.GetAsync("/health/live")).Status);
    }

    private static async Task SendAsync(DatabusApp app, Request request)
    {
        using var message = new HttpRequestMessage(new HttpMethod(request.Method), request.Path);
        if (request.Body.Length > 0 || request.Type is not null)
            message.Content = DatabusApp.Typed(new ByteArrayContent(request.Body), request.Type);
        foreach (var (name, value) in request.Headers)
            message.Headers.TryAddWithoutValidation(name, value);

        // A stream without end is left as soon as it has begun.
        using var response = await app.Http.SendAsync(message, HttpCompletionOption.ResponseHeadersRead);
        Assert.True((int)response.StatusCode < 500, $"{(int)response.StatusCode} for {request}");

        // Kestrel refuses some addresses and headers before anybody else sees them.
        if ((int)response.StatusCode > 400 && request.Method != "HEAD")
            Assert.True(response.Content.Headers.ContentType?.MediaType == "application/problem+json", $"{(int)response.StatusCode} without a problem for {request}");
    }

    private static Gen<string> JsonOf(int size)
    {
        if (size < 2)
            return Gen.Elements(Scalars);
        var smaller = JsonOf(size / 3);
        return Gen.OneOf(
            Gen.Elements(Scalars),
            Gen.ListOf(smaller).Select(values => "[" + string.Join(',', values.Take(5)) + "]"),
            Gen.ListOf(from name in Gen.Elements(Members) from value in smaller select $"\"{name}\":{value}").Select(members => "{" + string.Join(',', members.Take(6)) + "}"),
            Gen.ListOf(from name in Gen.Elements(Members) from value in smaller select $"\"{name}\":{value}").Select(members => "{" + string.Join(',', members.Take(2)) + "}"));
    }

    private static byte[] Mutated(string json, int at, byte replaced)
    {
        var bytes = Encoding.UTF8.GetBytes(json);
        if (bytes.Length > 0)
            bytes[at % bytes.Length] = replaced;
        return bytes;
    }

    private sealed record Request(string Method, string Path, (string Name, string Value)[] Headers, string? Type, byte[] Body)
    {
        public override string ToString() =>
            $"{Method} {Path} {string.Join(", ", Headers)} [{Type}] {Convert.ToHexString(Body)}";
    }
}
