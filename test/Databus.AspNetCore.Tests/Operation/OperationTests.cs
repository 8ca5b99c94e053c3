using System.Text.Json;
using Databus.Storage;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Hosting;

namespace Databus.AspNetCore.Tests.Operation;

public sealed class OperationTests(DatabusApp app) : IClassFixture<DatabusApp>
{
    [Fact]
    public async Task The_overview_counts_what_there_is()
    {
        await using var fresh = await DatabusApp.StartAsync(new AppSetup());
        await fresh.FillAsync("t", 5);
        await fresh.PostAsync("/add?topic=t", """{"n":1}""");
        await fresh.PutAsync("/api/v1/topics/t/subscriptions/s", """{"maxAttempts":1}""");
        var fetched = await fresh.PostAsync("/api/v1/topics/t/subscriptions/s/fetch", """{"max":3}""");
        var token = fetched.List("items")[0].GetProperty("token").GetString();
        await fresh.PostAsync("/api/v1/topics/t/subscriptions/s/nack", $$"""{"tokens":["{{token}}"]}""");

        var answer = await fresh.GetAsync("/api/v1/overview");

        Assert.Equal(
            ["version", "startedAt", "environment", "store", "topics", "items", "subscriptions", "sources", "nodes", "inFlight", "dead", "addedLastMinute", "duplicatesLastMinute", "warnings"],
            answer.Json.EnumerateObject().Select(member => member.Name));
        Assert.Equal("Test", answer["environment"]);
        Assert.Equal((1, 5, 1, 0, 1), (answer.Number("topics"), answer.Number("items"), answer.Number("subscriptions"), answer.Number("sources"), answer.Number("nodes")));
        Assert.Equal((2, 1, 5, 1), (answer.Number("inFlight"), answer.Number("dead"), answer.Number("addedLastMinute"), answer.Number("duplicatesLastMinute")));
        Assert.Equal("sqlite", answer.Json.GetProperty("store").GetProperty("kind").GetString());
        Assert.True(answer.Json.GetProperty("store").GetProperty("databaseBytes").GetInt64() > 0);
        Assert.Equal(["dead-letters"], answer.List("warnings").Select(warning => warning.GetProperty("code").GetString()));
    }

    [Fact]
    public async Task What_waits_too_long_is_a_warning()
    {
        var clock = new Testing.FakeClock();
        await using var timed = await DatabusApp.StartAsync(new AppSetup { Clock = clock });
        await timed.FillAsync("t", 1);
        await timed.PutAsync("/api/v1/topics/t/subscriptions/s");

        clock.Advance(TimeSpan.FromMinutes(11));

        Assert.Equal(["subscription-late"], (await timed.GetAsync("/api/v1/overview")).List("warnings").Select(warning => warning.GetProperty("code").GetString()));
    }

    [Theory]
    [InlineData("/health/live")]
    [InlineData("/health/ready")]
    public async Task A_healthy_process_says_so(string path)
    {
        Assert.Equal("""{"status":"ok"}""", (await app.GetAsync(path)).Text);
    }

    [Fact]
    public async Task With_a_full_disk_or_a_stopped_store_it_lives_but_is_not_ready()
    {
        await using var stopped = await DatabusApp.StartAsync(new AppSetup
        {
            Store = store => StoreFaults.Before(store, verb => verb == "ReportAsync" ? new StoreException(StoreProblem.Stopped, "The store stopped.") : null),
        });

        (await stopped.GetAsync("/health/ready")).MustBeProblem(503, "stopped");
        Assert.Equal(200, (await stopped.GetAsync("/health/live")).Status);
    }

    [Fact]
    public async Task Once_it_is_told_to_stop_it_is_not_ready_and_nobody_waits()
    {
        await using var stopping = await DatabusApp.StartAsync(new AppSetup());
        var waiting = stopping.PostAsync("/api/v1/topics/t/subscriptions/s/fetch", """{"waitSeconds":60}""");

        stopping.Service<IHostApplicationLifetime>().StopApplication();

        (await stopping.GetAsync("/health/ready")).MustBeProblem(503, "stopping");
        Assert.Equal(200, (await stopping.GetAsync("/health/live")).Status);
        Assert.Equal((200, """{"items":[]}"""), ((await waiting).Status, (await waiting).Text));
        Assert.Equal(200, (await stopping.PostAsync("/api/v1/topics/t/subscriptions/s/fetch", """{"waitSeconds":60}""")).Status);
    }

    [Fact]
    public async Task The_routes_are_those_of_the_contract()
    {
        var contract = await File.ReadAllLinesAsync(Path.Combine(AppContext.BaseDirectory, "Operation", "routes.txt"));

        Assert.Equal(contract, MappedRoutes());
        Assert.Equal(contract.Where(route => route != "GET /openapi/v1.json"), DescribedRoutes((await app.GetAsync("/openapi/v1.json")).Json));
    }

    [Fact]
    public async Task The_API_is_described_in_OpenAPI_3_1_without_loose_ends()
    {
        var answer = await app.GetAsync("/openapi/v1.json");

        var document = answer.Json;
        Assert.StartsWith("3.1", document.GetProperty("openapi").GetString(), StringComparison.Ordinal);
        Assert.Equal("Databus", document.GetProperty("info").GetProperty("title").GetString());
        foreach (var (path, operation) in Operations(document))
        {
            Assert.NotEmpty(operation.GetProperty("summary").GetString()!);
            Assert.NotEmpty(operation.GetProperty("responses").EnumerateObject());
            var described = operation.TryGetProperty("parameters", out var parameters)
                ? parameters.EnumerateArray().Where(parameter => parameter.GetProperty("in").GetString() == "path").Select(parameter => parameter.GetProperty("name").GetString())
                : [];
            Assert.Equal(
                path.Split('/').Where(part => part.StartsWith('{')).Select(part => part.Trim('{', '}')).Order(),
                described.Order());
        }

        var limit = document.GetProperty("paths").GetProperty("/api/v1/topics/{topic}/items").GetProperty("get").GetProperty("parameters").EnumerateArray()
            .Single(parameter => parameter.GetProperty("name").GetString() == "limit");
        Assert.Equal("integer", limit.GetProperty("schema").GetProperty("type").GetString());

        var schemas = document.GetProperty("components").GetProperty("schemas");
        Assert.All(References(document), reference => Assert.True(schemas.TryGetProperty(reference["#/components/schemas/".Length..], out _), reference));
    }

    private IEnumerable<string> MappedRoutes() =>
        app.Service<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .SelectMany(route => route.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods.Select(method => $"{method} {route.RoutePattern.RawText!.TrimEnd('/')}"))
            .Order(StringComparer.Ordinal);

    private static IEnumerable<string> DescribedRoutes(JsonElement document) =>
        document.GetProperty("paths").EnumerateObject()
            .SelectMany(path => path.Value.EnumerateObject().Select(operation => $"{operation.Name.ToUpperInvariant()} {path.Name}"))
            .Order(StringComparer.Ordinal);

    private static IEnumerable<(string Path, JsonElement Operation)> Operations(JsonElement document) =>
        document.GetProperty("paths").EnumerateObject().SelectMany(path => path.Value.EnumerateObject().Select(operation => (path.Name, operation.Value)));

    private static IEnumerable<string> References(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => element.EnumerateObject().SelectMany(member =>
            member.Name == "$ref" ? [member.Value.GetString()!] : References(member.Value)),
        JsonValueKind.Array => element.EnumerateArray().SelectMany(References),
        _ => [],
    };
}
