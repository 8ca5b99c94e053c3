using System.Text.Json;
using Databus.Jobs;
using Databus.Nodes;
using Databus.Storage;
using Databus.Testing;

namespace Databus.AspNetCore.Tests.Jobs;

/// <summary>A node that answers requests and runs no jobs itself, so that nobody but the test takes them.</summary>
public sealed class JobsApp : IAsyncLifetime
{
    private DatabusApp? _app;

    internal DatabusApp App => _app!;

    internal IJobStore Store => StoreOf(App);

    public async ValueTask InitializeAsync() => _app = await StartAsync();

    public ValueTask DisposeAsync() => App.DisposeAsync();

    internal static Task<DatabusApp> StartAsync(FakeClock? clock = null, Action<DatabusHttpOptions>? http = null) => DatabusApp.StartAsync(new AppSetup
    {
        Node = node => node.Roles = NodeRoles.Api,
        Clock = clock,
        Http = http ?? (_ => { }),
    });

    internal static IJobStore StoreOf(DatabusApp app) => app.Service<IStore>().Jobs;
}

/// <summary>Short words for what nearly every test of jobs does.</summary>
internal static class JobRequests
{
    /// <summary>Enqueues one job and gives its id.</summary>
    public static async Task<string> EnqueueAsync(this DatabusApp app, string name, string query = "", string arguments = "")
    {
        var answer = await app.PostAsync($"/api/v1/jobs/{name}{query}", arguments);
        Assert.Equal(202, answer.Status);
        return answer["id"];
    }

    /// <summary>Claims this many jobs of a queue, which must be there.</summary>
    public static async Task<JsonElement[]> ClaimAsync(this DatabusApp app, string queue, int count = 1, double leaseSeconds = 30)
    {
        var answer = await app.PostAsync("/api/v1/workers/claim", $$"""{"worker":"w","queues":["{{queue}}"],"max":{{count}},"leaseSeconds":{{leaseSeconds}}}""");
        Assert.Equal(200, answer.Status);
        var jobs = answer.List("jobs");
        Assert.Equal(count, jobs.Length);
        return jobs;
    }

    public static async Task<string> ClaimTokenAsync(this DatabusApp app, string queue, double leaseSeconds = 30) =>
        (await app.ClaimAsync(queue, 1, leaseSeconds))[0].GetProperty("token").GetString()!;

    /// <summary>Ends a start.</summary>
    /// <param name="more">More members, each with a comma in front.</param>
    public static Task<Answer> CompleteAsync(this DatabusApp app, string token, string outcome, string more = "") =>
        app.PostAsync("/api/v1/workers/complete", $$"""{"completions":[{"token":"{{token}}","outcome":"{{outcome}}"{{more}}}]}""");

    /// <summary>Enqueues a job, runs it, and gives its id.</summary>
    public static async Task<string> RunAsync(this DatabusApp app, string queue, string outcome = "succeeded", string more = "", string name = "count")
    {
        var id = await app.EnqueueAsync(name, $"?queue={queue}");
        Assert.Equal(1, (await app.CompleteAsync(await app.ClaimTokenAsync(queue), outcome, more)).Number("completed"));
        return id;
    }

    public static async Task<string> StateAsync(this DatabusApp app, string id) => (await app.GetAsync($"/api/v1/jobs/{id}"))["state"];

    public static string[] Ids(this Answer answer) => [.. answer.List("jobs").Select(job => job.GetProperty("id").GetString()!)];
}
