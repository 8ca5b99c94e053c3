using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;

namespace Databus.Server.Tests.CommandLine;

/// <summary>
/// The routes the command line uses, over memory: items are the same when their text is, subscriptions lease and
/// acknowledge, and the test may step in before any request is handled.
/// </summary>
internal sealed class FakeServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly Dictionary<string, FakeTopic> _topics = new(StringComparer.Ordinal);
    private readonly Dictionary<string, JsonObject> _sources = new(StringComparer.Ordinal);
    private readonly Dictionary<string, JsonObject> _tokens = new(StringComparer.Ordinal);

    private FakeServer(WebApplication app) => _app = app;

    /// <summary>What came, in order: method and path, the body's lines and the sign-in.</summary>
    public List<FakeRequest> Requests { get; } = [];

    /// <summary>Steps in: true when the request has been answered.</summary>
    public Func<HttpContext, FakeRequest, Task<bool>> Intervene { get; set; } = (_, _) => Task.FromResult(false);

    public Uri Url => new(_app.Urls.First());

    public IEnumerable<FakeRequest> Appends => Requests.Where(request => request.Path.EndsWith("/items", StringComparison.Ordinal));

    public static async Task<FakeServer> StartAsync(string? socket = null)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            if (socket is null)
                kestrel.Listen(IPAddress.Loopback, 0);
            else
                kestrel.ListenUnixSocket(socket);
        });
        var server = new FakeServer(builder.Build());
        server.Map();
        await server._app.StartAsync();
        return server;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    public IReadOnlyList<string> Items(string topic) => _topics[topic].Items;

    public static async Task RefuseAsync(HttpContext http, int status, string error, int? retryAfter = null, JsonObject? more = null)
    {
        JsonObject problem = more ?? [];
        problem["status"] = status;
        problem["title"] = "A problem";
        problem["error"] = error;
        if (retryAfter is int seconds)
            http.Response.Headers.RetryAfter = seconds.ToString();
        await AnswerAsync(http, problem, status, "application/problem+json");
    }

    /// <summary>Appends lines as the server does, and tells what became of them.</summary>
    public JsonObject Append(string topic, IReadOnlyList<string> lines)
    {
        FakeTopic known = Topic(topic);
        int added = 0, duplicates = 0;
        var errors = new JsonArray();
        for (int i = 0; i < lines.Count; i++)
        {
            if (!IsObject(lines[i]))
                errors.Add(new JsonObject { ["line"] = i + 1, ["error"] = "Invalid JSON format" });
            else if (known.Keys.Add(lines[i]))
                (added, _) = (added + 1, Add(known, lines[i]));
            else
                duplicates++;
        }
        return new JsonObject
        {
            ["added"] = added,
            ["duplicates"] = duplicates,
            ["invalid"] = errors.Count,
            ["errors"] = new JsonArray([.. errors.Take(20).Select(error => error!.DeepClone())]),
        };

        static int Add(FakeTopic topic, string line)
        {
            topic.Items.Add(line);
            return topic.Items.Count;
        }
    }

    private static bool IsObject(string line)
    {
        try
        {
            using var document = JsonDocument.Parse(line);
            return document.RootElement.ValueKind == JsonValueKind.Object;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static async Task AnswerAsync(HttpContext http, JsonNode body, int status = 200, string type = "application/json")
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = type;
        await http.Response.WriteAsync(body.ToJsonString());
    }

    private FakeTopic Topic(string name)
    {
        if (!_topics.TryGetValue(name, out FakeTopic? topic))
            _topics[name] = topic = new FakeTopic();
        return topic;
    }

    private void Map()
    {
        _app.Use(async (http, next) =>
        {
            using var reader = new StreamReader(http.Request.Body, Encoding.UTF8);
            var request = new FakeRequest(
                http.Request.Method,
                http.Request.Path.Value!,
                await reader.ReadToEndAsync(),
                http.Request.Headers.Authorization.ToString(),
                http.Request.ContentType);
            lock (Requests)
                Requests.Add(request);
            http.Items["request"] = request;
            if (!await Intervene(http, request))
                await next(http);
        });
        _app.UseRouting();
        MapTopics();
        MapSubscriptions();
        MapSources();
        MapNodes();
        MapTokens();
        _app.MapFallback(http => RefuseAsync(http, 404, "There is no such thing."));
    }

    private void MapTopics()
    {
        _app.MapPost("/api/v1/topics/{topic}/items", http =>
            AnswerAsync(http, Append(Value(http, "topic"), Request(http).Lines)));
        _app.MapGet("/api/v1/topics", http => AnswerAsync(http, new JsonObject
        {
            ["topics"] = new JsonArray([.. _topics.Select(topic => Describe(topic.Key, topic.Value))]),
        }));
        _app.MapGet("/api/v1/topics/{topic}", http => _topics.TryGetValue(Value(http, "topic"), out FakeTopic? topic)
            ? AnswerAsync(http, Describe(Value(http, "topic"), topic))
            : RefuseAsync(http, 404, $"There is no topic {Value(http, "topic")}."));
        _app.MapPut("/api/v1/topics/{topic}", http =>
        {
            FakeTopic topic = Topic(Value(http, "topic"));
            foreach ((string name, JsonNode? value) in Request(http).Json)
                topic.Settings[name] = value?.DeepClone();
            return AnswerAsync(http, Describe(Value(http, "topic"), topic));
        });
        _app.MapDelete("/api/v1/topics/{topic}", http => _topics.Remove(Value(http, "topic"))
            ? NothingAsync(http)
            : RefuseAsync(http, 404, "There is no such topic."));
    }

    private void MapSubscriptions()
    {
        _app.MapGet("/api/v1/subscriptions", http => AnswerAsync(http, new JsonObject
        {
            ["subscriptions"] = new JsonArray([.. _topics.SelectMany(topic =>
                topic.Value.Subscriptions.Select(subscription => Describe(topic.Key, subscription.Key, subscription.Value)))]),
        }));
        const string Route = "/api/v1/topics/{topic}/subscriptions/{subscription}";
        _app.MapGet(Route, http => AnswerAsync(http, Describe(Value(http, "topic"), Value(http, "subscription"), Subscription(http))));
        _app.MapPut(Route, http =>
        {
            FakeSubscription subscription = Subscription(http);
            foreach ((string name, JsonNode? value) in Request(http).Json)
                subscription.Settings[name] = value?.DeepClone();
            return AnswerAsync(http, Describe(Value(http, "topic"), Value(http, "subscription"), subscription));
        });
        _app.MapDelete(Route, NothingAsync);
        _app.MapPost(Route + "/rewind", http =>
        {
            Subscription(http).Position = 0;
            return AnswerAsync(http, Describe(Value(http, "topic"), Value(http, "subscription"), Subscription(http)));
        });
        _app.MapPost(Route + "/fetch", http =>
        {
            FakeTopic topic = Topic(Value(http, "topic"));
            FakeSubscription subscription = Subscription(http);
            int max = (int)Request(http).Json["max"]!;
            var items = new JsonArray();
            for (; items.Count < max && subscription.Position < topic.Items.Count; subscription.Position++)
            {
                string token = $"token-{subscription.Position}";
                subscription.Leased.Add(token);
                items.Add(new JsonObject
                {
                    ["id"] = $"{subscription.Position + 1}",
                    ["content"] = JsonNode.Parse(topic.Items[subscription.Position]),
                    ["addedAt"] = "2026-11-21T08:00:00Z",
                    ["attempt"] = 1,
                    ["token"] = token,
                });
            }
            return AnswerAsync(http, new JsonObject { ["items"] = items });
        });
        _app.MapPost(Route + "/ack", http =>
        {
            FakeSubscription subscription = Subscription(http);
            string[] tokens = [.. Request(http).Json["tokens"]!.AsArray().Select(token => (string)token!)];
            string[] lost = [.. tokens.Where(token => !subscription.Leased.Remove(token))];
            subscription.Acknowledged += tokens.Length - lost.Length;
            return AnswerAsync(http, new JsonObject
            {
                ["acknowledged"] = tokens.Length - lost.Length,
                ["lost"] = new JsonArray([.. lost.Select(token => JsonValue.Create(token))]),
            });
        });
        _app.MapGet(Route + "/dead", http =>
        {
            int after = int.Parse(http.Request.Query["after"].FirstOrDefault() ?? "0");
            int limit = int.Parse(http.Request.Query["limit"].First()!);
            int[] ids = [.. Enumerable.Range(after + 1, Math.Max(0, Math.Min(limit, 250 - after)))];
            return AnswerAsync(http, new JsonObject
            {
                ["dead"] = new JsonArray([.. ids.Select(id => new JsonObject
                {
                    ["id"] = $"{id}",
                    ["content"] = new JsonObject { ["n"] = id },
                    ["attempts"] = 10,
                    ["reason"] = "bad\u001b[31m news",
                    ["diedAt"] = "2026-11-21T08:00:00Z",
                })]),
                ["next"] = ids is [.., < 250] ? $"{ids[^1]}" : null,
            });
        });
        _app.MapPost(Route + "/dead/replay", http => AnswerAsync(http, new JsonObject { ["replayed"] = Chosen(http) }));
        _app.MapPost(Route + "/dead/discard", http => AnswerAsync(http, new JsonObject { ["discarded"] = Chosen(http) }));
    }

    private void MapSources()
    {
        _app.MapGet("/api/v1/sources", http => AnswerAsync(http, new JsonObject
        {
            ["sources"] = new JsonArray([.. _sources.Values.Select(source => source.DeepClone())]),
        }));
        _app.MapPut("/api/v1/sources/{name}", http =>
        {
            JsonObject asked = Request(http).Json;
            string name = Value(http, "name");
            bool paused = (bool?)asked["paused"] ?? false;
            var source = new JsonObject
            {
                ["name"] = name,
                ["kind"] = (string)asked["kind"]!,
                ["topic"] = (string?)asked["topic"] ?? name,
                ["url"] = (string)asked["url"]!,
                ["intervalSeconds"] = (int?)asked["intervalSeconds"] ?? 300,
                ["paused"] = paused,
                ["state"] = paused ? "paused" : "waiting",
                ["failures"] = 0,
                ["itemsAdded"] = 0,
                ["createdAt"] = "2026-11-21T08:00:00Z",
            };
            _sources[name] = source;
            return AnswerAsync(http, source.DeepClone());
        });
        _app.MapGet("/api/v1/sources/{name}", http => _sources.TryGetValue(Value(http, "name"), out JsonObject? source)
            ? AnswerAsync(http, source.DeepClone())
            : RefuseAsync(http, 404, "There is no such source."));
        _app.MapDelete("/api/v1/sources/{name}", http => _sources.Remove(Value(http, "name"))
            ? NothingAsync(http)
            : RefuseAsync(http, 404, "There is no such source."));
        _app.MapPost("/api/v1/sources/{name}/poll", http =>
        {
            http.Response.StatusCode = 202;
            return Task.CompletedTask;
        });
    }

    private void MapNodes() => _app.MapGet("/api/v1/nodes", http => AnswerAsync(http, new JsonObject
    {
        ["nodes"] = new JsonArray(
            new JsonObject
            {
                ["id"] = "1f",
                ["name"] = "alpha",
                ["roles"] = new JsonArray("api", "worker", "collector", "scheduler"),
                ["version"] = "0.1.0",
                ["startedAt"] = "2026-11-21T08:00:00Z",
                ["seenAt"] = "2026-11-21T08:00:03Z",
                ["state"] = "alive",
                ["isThis"] = true,
                ["warnings"] = new JsonArray(),
            },
            new JsonObject
            {
                ["id"] = "2f",
                ["name"] = "beta",
                ["roles"] = new JsonArray("worker"),
                ["version"] = "0.1.0",
                ["startedAt"] = "2026-11-21T08:00:00Z",
                ["seenAt"] = "2026-11-21T08:00:03Z",
                ["state"] = "silent",
                ["isThis"] = false,
                ["warnings"] = new JsonArray(new JsonObject { ["code"] = "circuit", ["message"] = "The broker\u001b[31m is away." }),
            }),
    }));

    private void MapTokens()
    {
        _app.MapGet("/api/v1/tokens", http => AnswerAsync(http, new JsonObject
        {
            ["tokens"] = new JsonArray([.. _tokens.Values.Select(token => token.DeepClone())]),
        }));
        _app.MapPost("/api/v1/tokens", http =>
        {
            string name = (string)Request(http).Json["name"]!;
            if (!_tokens.TryAdd(name, new JsonObject { ["name"] = name, ["createdAt"] = "2026-11-21T08:00:00Z", ["lastUsedAt"] = null }))
                return RefuseAsync(http, 409, $"There is a token {name} already.");
            return AnswerAsync(
                http, new JsonObject { ["name"] = name, ["token"] = "dbt_socket", ["createdAt"] = "2026-11-21T08:00:00Z" }, 201);
        });
        _app.MapDelete("/api/v1/tokens/{name}", http => _tokens.Remove(Value(http, "name"))
            ? NothingAsync(http)
            : RefuseAsync(http, 404, "There is no such token."));
    }

    private static int Chosen(HttpContext http) => Request(http).Json["ids"] is JsonArray ids ? ids.Count : 250;

    private static Task NothingAsync(HttpContext http)
    {
        http.Response.StatusCode = 204;
        return Task.CompletedTask;
    }

    private static string Value(HttpContext http, string name) => (string)http.GetRouteValue(name)!;

    private static FakeRequest Request(HttpContext http) => (FakeRequest)http.Items["request"]!;

    private FakeSubscription Subscription(HttpContext http)
    {
        FakeTopic topic = Topic(Value(http, "topic"));
        string name = Value(http, "subscription");
        if (!topic.Subscriptions.TryGetValue(name, out FakeSubscription? subscription))
            topic.Subscriptions[name] = subscription = new FakeSubscription();
        return subscription;
    }

    private JsonObject Describe(string name, FakeTopic topic)
    {
        var described = new JsonObject
        {
            ["name"] = name,
            ["keyPointers"] = new JsonArray(),
            ["windowSeconds"] = 1_209_600,
            ["retentionSeconds"] = null,
            ["items"] = topic.Items.Count,
            ["lastId"] = $"{topic.Items.Count}",
            ["lastAddedAt"] = null,
            ["createdAt"] = "2026-11-21T08:00:00Z",
            ["subscriptions"] = topic.Subscriptions.Count,
        };
        foreach ((string setting, JsonNode? value) in topic.Settings)
            described[setting] = value?.DeepClone();
        return described;
    }

    private JsonObject Describe(string topic, string name, FakeSubscription subscription) => new()
    {
        ["name"] = name,
        ["topic"] = topic,
        ["position"] = $"{subscription.Position}",
        ["lastId"] = $"{_topics[topic].Items.Count}",
        ["lag"] = _topics[topic].Items.Count - subscription.Position,
        ["inFlight"] = subscription.Leased.Count,
        ["waiting"] = 0,
        ["dead"] = 0,
        ["leaseSeconds"] = 30,
        ["maxAttempts"] = 10,
        ["maxInFlight"] = 10_000,
        ["destination"] = subscription.Settings["destination"]?.DeepClone(),
        ["paused"] = subscription.Settings["paused"]?.DeepClone() ?? false,
        ["oldestWaitingAt"] = null,
        ["createdAt"] = "2026-11-21T08:00:00Z",
    };

    private sealed class FakeTopic
    {
        public List<string> Items { get; } = [];

        public HashSet<string> Keys { get; } = new(StringComparer.Ordinal);

        public JsonObject Settings { get; } = [];

        public Dictionary<string, FakeSubscription> Subscriptions { get; } = new(StringComparer.Ordinal);
    }

    private sealed class FakeSubscription
    {
        public int Position { get; set; }

        public int Acknowledged { get; set; }

        public JsonObject Settings { get; } = [];

        public HashSet<string> Leased { get; } = new(StringComparer.Ordinal);
    }
}

/// <summary>A request as it came.</summary>
internal sealed record FakeRequest(string Method, string Path, string Body, string Authorization, string? ContentType)
{
    public string[] Lines => Body.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    public JsonObject Json => JsonNode.Parse(Body)!.AsObject();
}
