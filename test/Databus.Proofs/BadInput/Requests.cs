using System.Text;
using Databus.Testing;
using FsCheck;
using FsCheck.Fluent;

namespace Databus.Proofs.BadInput;

/// <summary>Generates requests that are mostly wrong in some way: no two parts of one need to fit.</summary>
internal static class Requests
{
    private static readonly string[] Files = FindFiles();

    /// <summary>The names that are right; those of topics and those of subscriptions are the same.</summary>
    public static IReadOnlyList<string> Topics { get; } = ["ads", "more-ads", "A.b_c-9"];

    private static readonly Gen<string> Name = Gen.Frequency(
        (12, Gen.Elements(Topics.ToArray())),
        (1, Gen.Elements("", ".", "..", "%2e%2e", "%00", "a%2Fb", "a b", "%20", "-x", "_", "%F0%9F%98%80", "%ff%fe", "default", "CON", new string('n', 100), new string('n', 101), new string('n', 3000))));

    private static readonly Gen<string> Value = Gen.Frequency(
        (4, Gen.Elements("0", "1", "2", "10", "100")),
        (4, Gen.Elements(
            "", "-1", "00", "+1", "1.5", "1e9", "NaN", "true", "null", "latest", "beginning", "end", "9223372036854775807", "9223372036854775808",
            "-9223372036854775808", "99999999999999999999999999", "0x10", "%D9%A3", "%00", "%ff", "%", "%zz", "'%20OR%201=1", "%22", "..", "%25_%25",
            "\u00e9", "<script>", "2026-01-01T00:00:00Z")),
        (1, Gen.Choose(0, 4000).Select(length => new string('9', length))));

    private static readonly Gen<string> Query =
        from count in Gen.Choose(0, 4)
        from pairs in Pair().ListOf(count)
        select pairs.Count == 0 ? "" : "?" + string.Join('&', pairs);

    /// <summary>A path with the method it knows.</summary>
    private static readonly Gen<(string Method, string Path)> Route = Gen.Frequency(
        (6, Gen.Constant(("POST", "/add"))),
        (2, Gen.Constant(("GET", "/fetch"))),
        (8, Name.Select(topic => ("POST", $"/api/v1/topics/{topic}/items"))),
        (3, Name.Select(topic => ("GET", $"/api/v1/topics/{topic}/items"))),
        (1, Name.Select(topic => ("GET", $"/api/v1/topics/{topic}/events"))),
        (3, from topic in Name from method in Gen.Elements("PUT", "PUT", "PUT", "GET") select (method, $"/api/v1/topics/{topic}")),
        (1, Name.Select(topic => ("GET", $"/api/v1/topics/{topic}/subscriptions"))),
        (3, from topic in Name
            from subscription in Name
            from method in Gen.Elements("PUT", "PUT", "PUT", "GET", "DELETE")
            select (method, $"/api/v1/topics/{topic}/subscriptions/{subscription}")),
        (10, from topic in Name
             from subscription in Name
             from verb in Gen.Elements("fetch", "ack", "nack", "extend", "rewind", "dead/replay", "dead/discard", "nothing")
             select ("POST", $"/api/v1/topics/{topic}/subscriptions/{subscription}/{verb}")),
        (1, from topic in Name from subscription in Name select ("GET", $"/api/v1/topics/{topic}/subscriptions/{subscription}/dead")),
        (1, from name in Name from verb in Gen.Elements("", "/poll") select (verb.Length == 0 ? "GET" : "POST", $"/api/v1/sources/{name}{verb}")),
        (1, Name.Select(name => ("DELETE", $"/api/v1/tokens/{name}"))),
        (1, Gen.Constant(("POST", "/api/v1/tokens"))),
        (2, Gen.Elements(
            "/", "/api/v1/overview", "/api/v1/topics", "/api/v1/subscriptions", "/api/v1/sources", "/api/v1/tokens", "/health/live", "/health/ready",
            "/openapi/v1.json", "/docs", "/metrics", "/api", "/api/v2/topics", "//add", "/add/", "/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd",
            "/index.html", "/assets/").Select(path => ("GET", path))));

    private static readonly Gen<string?> OtherMethod = Gen.Frequency(
        (20, Gen.Constant<string?>(null)),
        (3, Gen.Elements<string?>("GET", "PUT", "POST", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "post", "BREW", "M-SEARCH")));

    private static readonly Gen<string> ContentType = Gen.Frequency(
        (10, Gen.Constant("application/json")),
        (5, Gen.Constant("application/x-ndjson")),
        (3, Gen.Elements("application/cloudevents+json", "application/cloudevents-batch+json")),
        (3, Gen.Elements(
            "application/json; charset=utf-8", "application/json; charset=utf-16", "application/json; charset=\"", "application/json;;;", "text/plain",
            "text/json", "application/cloudevents+xml", "application/cloudevents+avro", "multipart/form-data", "application/x-www-form-urlencoded",
            "application/octet-stream", "application/ndjson", "application/jsonl", "/", "json", "", "*/*", "application/json, text/plain")));

    private static readonly Gen<(string Name, string Value)> Header = Gen.Frequency(
        (4, Gen.Elements("\"one\"", "\"two\"", "one", "\"", "\"\"", "\"a\\\"b\"", "\"\u00e9\"", ":YWJj:", "\"" + new string('k', 1024) + "\"", "\"" + new string('k', 9000) + "\"").Select(key => ("Idempotency-Key", key))),
        (2, Value.Select(id => ("Last-Event-ID", id))),
        (1, Gen.Elements("http://evil.example", "null", "http://127.0.0.1", "://", "").Select(origin => ("Origin", origin))),
        (1, Gen.Elements("cross-site", "same-origin", "none", "?").Select(site => ("Sec-Fetch-Site", site))),
        (1, Gen.Elements("evil.example", "127.0.0.1.evil.example", "localhost", "[::1]", "", "127.0.0.1:99999", "a b").Select(host => ("Host", host))),
        (1, Gen.Elements("Bearer", "Bearer x", "Bearer dbt_x", "Basic YTpi", "dbt_", "Bearer " + new string('t', 5000)).Select(access => ("Authorization", access))),
        (1, Gen.Elements("gzip", "br", "deflate", "identity", "gzip, gzip", "x").Select(encoding => ("Content-Encoding", encoding))),
        (1, Gen.Elements("text/html", "application/xml", "*/*;q=0", ";;", "").Select(accepted => ("Accept", accepted))),
        (1, Gen.Elements("bytes=0-", "bytes=9-1", "x").Select(range => ("Range", range))),
        (1, Gen.Elements("100-continue", "200-ok").Select(expected => ("Expect", expected))),
        (1, Gen.Elements("\"x\"", "*", "W/\"\"").Select(tag => ("If-None-Match", tag))),
        (3, from attribute in Gen.Elements("id", "source", "specversion", "type", "time", "subject", "datacontenttype", "dataschema", "x-y", "")
            from value in Gen.Elements("1.0", "a", "", "%", "%F0%9F", "\u00e9", "2026-13-01T00:00:00Z", "urn:x", new string('v', 3000))
            select ($"ce-{attribute}", value)));

    private static readonly Gen<string> Scalar = Gen.Frequency(
        (3, Gen.Elements("1", "0", "-0", "true", "false", "null", "\"x\"", "\"\"")),
        (3, Gen.Elements(
            "1e400", "-1e400", "123456789012345678901234567890", "1e-400", "0.1e1000000000", "1.0000000000000000000000001", "9007199254740993", "\"\\ud800\"",
            "\"\\udc00\\ud800\"", "\"\\u0000\"", "\"\u00e9\"", "\"\ud83d\ude00\"", "\"<script>alert(1)</script>\"", "NaN", "Infinity", "-", "01", "1.", ".5", "+1", "'x'", "\"\\x\"", "\"\t\"", "tru", "undefined")));

    private static readonly Gen<string> Json = Gen.Sized(size => JsonOf(Math.Min(size, 4)));

    private static readonly Gen<string> Argument = Gen.OneOf(
        Scalar,
        Gen.Elements(
            "\"beginning\"", "\"end\"", "\"0\"", "\"1\"", "\"-1\"", "\"99999999999999999999\"", "\"2026-01-01T00:00:00Z\"", "\"0001-01-01T00:00:00Z\"",
            "\"9999-12-31T23:59:59.9999999Z\"", "[]", "{}", "[\"1\"]", "[\"/id\"]", "[\"/a/b\",\"/c\"]", "[\"no pointer\"]", "[\"/~2\"]", "[null]", "[1]", "[\"\"]",
            "1000", "1001", "43200", "43201", "2147483647", "2147483648", "9223372036854775807", "-9223372036854775808", "31536000000", "1e3", "0.5"));

    private static readonly Gen<string> Command =
        from count in Gen.Choose(0, 4)
        from members in Member().ListOf(count)
        select "{" + string.Join(',', members) + "}";

    private static readonly Gen<string> CloudEvent =
        from count in Gen.Choose(0, 7)
        from members in (
            from name in Gen.Elements("id", "source", "specversion", "type", "time", "data", "data_base64", "datacontenttype", "subject", "UPPER", "")
            from value in Gen.OneOf(Scalar, Gen.Elements("\"1.0\"", "\"0.3\"", "\"a\"", "{\"a\":1}", "\"!!\"", "\"eyJhIjoxfQ==\""))
            select $"\"{name}\":{value}").ListOf(count)
        select "{" + string.Join(',', members) + "}";

    private static readonly Gen<byte[]> Body = Gen.Frequency(
        (5, Json.Select(Utf8)),
        (4, Command.Select(Utf8)),
        (2, CloudEvent.Select(Utf8)),
        (1, CloudEvent.ListOf().Select(events => Utf8("[" + string.Join(',', events) + "]"))),
        (3, from lines in Gen.OneOf(Json, CloudEvent, Gen.Elements("", " ", "\ufeff{}", "{\"a\":1}{\"b\":2}", "\0")).ListOf()
            from end in Gen.Elements("\n", "\r\n", "\n\n", "\r")
            select Utf8(string.Join(end, lines))),
        (2, Gen.Elements(Files).Select(File.ReadAllBytes)),
        (1, Gen.Choose(1, 3000).Select(depth => Utf8(string.Concat(Enumerable.Repeat("{\"a\":", depth)) + "1" + new string('}', depth)))),
        (1, Gen.Choose(1, 3000).Select(depth => Utf8(new string('[', depth)))),
        (1, Gen.Choose(0, 255).Select(value => (byte)value).ArrayOf()),
        (1, Gen.Choose(0, 200_000).Select(length => Utf8($"{{\"long\":\"{new string('l', length)}\"}}"))));

    private static readonly Gen<byte[]> MutatedBody =
        from body in Body
        from kind in Gen.Choose(0, 6)
        from position in Gen.Choose(0, int.MaxValue - 1)
        from value in Gen.Choose(0, 255)
        select kind > 3 ? body : Mutate(body, kind, position, (byte)value);

    /// <summary>Well-formed HTTP with any content.</summary>
    public static Gen<RawRequest> Generated { get; } = Gen.Frequency((20, Any()), (1, Source()));

    /// <summary>Requests whose bytes are broken somewhere, the head most of all.</summary>
    public static Gen<(RawRequest Original, int Kind, int Position, byte Value)> Broken { get; } =
        from request in Generated
        from kind in Gen.Choose(0, 3)
        from position in Gen.Choose(0, 200)
        from value in Gen.Choose(0, 255)
        select (request, kind, position, (byte)value);

    public static IReadOnlyList<string> ParsingFiles => Files;

    public static byte[] Mutate(byte[] bytes, int kind, int position, byte value)
    {
        if (bytes.Length == 0)
            return [value];
        var at = position % bytes.Length;
        return kind switch
        {
            0 => [.. bytes[..at], value, .. bytes[(at + 1)..]],
            1 => bytes[..at],
            2 => [.. bytes[..at], value, .. bytes[at..]],
            _ => [.. bytes[..at], .. bytes[at..], .. bytes[at..]],
        };
    }

    private static Gen<RawRequest> Any() =>
        from route in Route
        from other in OtherMethod
        let method = other ?? route.Method
        from query in Query
        from type in ContentType
        from count in Gen.Choose(0, 3)
        from headers in Header.ListOf(count)
        from body in MutatedBody
        from hasBody in Gen.Choose(0, 5)
        select new RawRequest(
            method, route.Path + query, [("Content-Type", type), .. headers],
            method is "GET" or "HEAD" ? null : hasBody == 0 ? [] : body);

    /// <summary>Sources are made of fixed parts only: a mutated address could lead the server out of this machine.</summary>
    private static Gen<RawRequest> Source() =>
        from name in Name
        from kind in Gen.Elements("\"feed\"", "\"page\"", "null", "1")
        from url in Gen.Elements("\"http://127.0.0.1:1/feed\"", "\"file:///etc/passwd\"", "\"\"", "\"/relative\"", "\"http://\"", "\"javascript:alert(1)\"", "null", "1", "{}")
        from interval in Gen.Elements("30", "29", "-1", "300", "1e9", "99999999999", "null", "\"x\"")
        from topic in Gen.Elements("\"ads\"", "\"..\"", "\"\"", "null", "1")
        select new RawRequest(
            "PUT", $"/api/v1/sources/{name}", [("Content-Type", "application/json")],
            Utf8($$"""{"kind":{{kind}},"url":{{url}},"intervalSeconds":{{interval}},"topic":{{topic}},"paused":true}"""));

    private static Gen<string> Pair() =>
        from name in Gen.Elements("topic", "subscription", "after", "before", "limit", "q", "lease", "unknown", "%00", "")
        from value in Value
        select $"{name}={Escaped(value)}";

    /// <summary>What cannot stand in a request line goes to the broken requests.</summary>
    private static string Escaped(string value) => value.Replace(" ", "%20", StringComparison.Ordinal);

    /// <summary>A wait is never asked for: it would be granted.</summary>
    private static Gen<string> Member() =>
        from name in Gen.Elements(
            "max", "leaseSeconds", "tokens", "delaySeconds", "reason", "to", "after", "time", "ids", "start", "maxAttempts", "maxInFlight", "keyPointers",
            "windowSeconds", "retentionSeconds", "name", "paused", "")
        from value in Argument
        select $"\"{name}\":{value}";

    private static Gen<string> JsonOf(int depth) => depth <= 0
        ? Scalar
        : Gen.Frequency(
            (1, Scalar),
            (6, (from name in Gen.Elements("a", "b", "id", "", "\\u0061", "__proto__", "\u00e9", "\\ud800")
                 from value in JsonOf(depth - 1)
                 select $"\"{name}\":{value}").ListOf().Select(members => "{" + string.Join(',', members.Take(6)) + "}")),
            (2, JsonOf(depth - 1).ListOf().Select(values => "[" + string.Join(',', values.Take(6)) + "]")));

    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);

    private static string[] FindFiles()
    {
        return [.. Directory.GetFiles(SharedData.Path("json/parsing")).Order(StringComparer.Ordinal)];
    }
}
