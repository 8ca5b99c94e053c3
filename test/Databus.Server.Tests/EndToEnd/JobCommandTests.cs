using System.Text;
using System.Text.Json;
using Databus.Server.CommandLine;
using Databus.Server.Tests.CommandLine;
using Databus.Testing;

namespace Databus.Server.Tests.EndToEnd;

/// <summary>The commands of jobs, queues and schedules against the real server.</summary>
public abstract class JobCommandTests(RunningServer server)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>Paused, so that nobody takes its jobs.</summary>
    private readonly string _queue = "q" + Guid.NewGuid().ToString("n");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_job_is_enqueued_listed_shown_cancelled_retried_and_deleted()
    {
        await PauseAsync();
        CommandRun enqueued = await RunAsync(
            "jobs", "enqueue", "count", "--queue", _queue, "--arguments", """{"city":"Novi Sad"}""", "--priority", "high", "--max-attempts", "3");
        Assert.Equal(ExitCodes.Ok, enqueued.ExitCode);
        string id = enqueued.Lines[0].Split(' ', StringSplitOptions.RemoveEmptyEntries)[1];
        Assert.Contains(enqueued.Lines, line => line.StartsWith("state ", StringComparison.Ordinal) && line.EndsWith(" waiting", StringComparison.Ordinal));
        Assert.Contains(enqueued.Lines, line => line.EndsWith("""{"city":"Novi Sad"}""", StringComparison.Ordinal));
        Assert.Equal(enqueued.Out, (await RunAsync("jobs", "show", id)).Out);

        CommandRun list = await RunAsync("jobs", "list", "--queue", _queue, "--state", "waiting,running", "--contains", "NOVI");
        Assert.Equal(2, list.Lines.Length);
        Assert.StartsWith("ID ", list.Lines[0], StringComparison.Ordinal);
        Assert.StartsWith($"{id} ", list.Lines[1], StringComparison.Ordinal);
        Assert.Single((await RunAsync("jobs", "list", "--queue", _queue, "--contains", "Berlin")).Lines);

        Assert.Equal($"Job {id} is cancelled.", (await RunAsync("jobs", "cancel", id)).Out.Trim());
        CommandRun again = await RunAsync("jobs", "cancel", id);
        Assert.Equal((ExitCodes.Failed, "", $"The job {id} has ended: it is cancelled."), (again.ExitCode, again.Out, again.Error.Trim()));
        Assert.Equal($"Job {id} is waiting.", (await RunAsync("jobs", "retry", id)).Out.Trim());
        Assert.Equal($"Job {id} is deleted.", (await RunAsync("jobs", "delete", id)).Out.Trim());
        Assert.Equal((ExitCodes.Failed, $"The job {id} is no longer kept."), (await RunAsync("jobs", "show", id)) is var gone ? (gone.ExitCode, gone.Error.Trim()) : default);
    }

    [Fact]
    public async Task Many_are_changed_by_what_they_have_in_common()
    {
        await PauseAsync();
        for (int i = 0; i < 5; i++)
            await RunAsync("jobs", "enqueue", i < 3 ? "a" : "b", "--queue", _queue);
        CommandRun list = await RunAsync("jobs", "list", "--queue", _queue, "--name", "b", "--json");
        string[] ids = [.. Json(list).GetProperty("jobs").EnumerateArray().Select(job => job.GetProperty("id").GetString()!)];

        Assert.Equal("3 cancelled or asked to stop", (await RunAsync("jobs", "cancel", "--queue", _queue, "--name", "a")).Out.Trim());
        Assert.Equal("3 waiting again", (await RunAsync("jobs", "retry", "--queue", _queue, "--state", "cancelled", "failed")).Out.Trim());
        Assert.Equal(0, Json(await RunAsync("jobs", "delete", "--queue", _queue, "--older-than", "10h", "--json")).GetProperty("changed").GetInt32());
        Assert.Equal("2 deleted", (await RunAsync(["jobs", "delete", .. ids])).Out.Trim());
        Assert.Equal("3 deleted", (await RunAsync("jobs", "delete", "--queue", _queue, "--enqueued-after", "2026-01-01T00:00:00Z")).Out.Trim());
        Assert.Single((await RunAsync("jobs", "list", "--queue", _queue)).Lines);
    }

    [Fact]
    public async Task Who_waits_hears_how_the_job_ended()
    {
        await PauseAsync();
        Task<CommandRun> waiting = RunAsync("jobs", "enqueue", "count", "--queue", _queue, "--wait");
        string? id = null;
        Assert.True(await Deadline.WaitAsync(
            async () => (id = Json(await RunAsync("jobs", "list", "--queue", _queue, "--json")).GetProperty("jobs").EnumerateArray()
                .Select(job => job.GetProperty("id").GetString()).FirstOrDefault()) is not null,
            Patience,
            Cancellation));

        await RunAsync("jobs", "cancel", id!);

        CommandRun run = await waiting;
        Assert.Equal(ExitCodes.Failed, run.ExitCode);
        Assert.Contains(run.Lines, line => line.StartsWith("state ", StringComparison.Ordinal) && line.EndsWith(" cancelled", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Arguments_come_from_stdin_and_a_unique_key_is_taken_once()
    {
        await PauseAsync();
        string[] command = ["jobs", "enqueue", "count", "--queue", _queue, "--arguments", "-", "--unique-key", _queue, "--delay", "1h", "--json"];
        CommandRun first = await CommandRun.OfAsync(command, server.Address, new MemoryStream(Encoding.UTF8.GetBytes("[1, 2]")));
        CommandRun second = await CommandRun.OfAsync(command, server.Address, new MemoryStream(Encoding.UTF8.GetBytes("[1, 2]")));

        Assert.Equal(("[1,2]", "delayed"), (Json(first).GetProperty("arguments").GetRawText(), Json(first).GetProperty("state").GetString()));
        Assert.Equal((ExitCodes.Failed, "A job with this unique key is there already."), (second.ExitCode, second.Error.Trim()));
        CommandRun wrong = await RunAsync("jobs", "enqueue", "count", "--arguments", "{'a':1}");
        Assert.Equal((ExitCodes.Failed, "Invalid JSON format"), (wrong.ExitCode, wrong.Error.Trim()));
    }

    [Fact]
    public async Task A_queue_is_limited_paused_and_resumed()
    {
        CommandRun limited = await RunAsync("queues", "limit", _queue, "--max-running", "2", "--max-starts", "5", "--per", "1m");
        Assert.Contains("2 at once, 5 per 1m", limited.Out, StringComparison.Ordinal);
        Assert.Contains(" paused ", (await RunAsync("queues", "pause", _queue)).Lines[1], StringComparison.Ordinal);
        CommandRun list = await RunAsync("queues", "list");
        Assert.Contains(list.Lines, line => line.StartsWith(_queue, StringComparison.Ordinal) && line.EndsWith("2 at once, 5 per 1m", StringComparison.Ordinal));
        Assert.Contains(" open ", (await RunAsync("queues", "resume", _queue)).Lines[1], StringComparison.Ordinal);
        Assert.EndsWith(" -", (await RunAsync("queues", "limit", _queue, "--none")).Lines[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_schedule_is_put_changed_previewed_run_paused_and_deleted()
    {
        await PauseAsync();
        CommandRun put = await RunAsync(
            "schedules", "put", _queue, "--cron", "0 7 * * MON", "--zone", "Europe/Berlin", "--job", "report", "--arguments", "[1]", "--queue", _queue, "--overlap",
            "allow");
        Assert.Equal(ExitCodes.Ok, put.ExitCode);
        Assert.Contains("0 7 * * MON Europe/Berlin", put.Out, StringComparison.Ordinal);
        CommandRun changed = await RunAsync("schedules", "put", _queue, "--every", "90m", "--jitter", "5m", "--catch-up", "all", "--catch-up-limit", "7");
        Assert.Contains("every 90m", changed.Out, StringComparison.Ordinal);
        Assert.Contains("all, up to 7", changed.Out, StringComparison.Ordinal);
        Assert.Contains("allow", changed.Out, StringComparison.Ordinal);
        Assert.Equal(changed.Out, (await RunAsync("schedules", "show", _queue)).Out);

        Assert.Equal(10, (await RunAsync("schedules", "preview", _queue)).Lines.Length);
        CommandRun tried = await RunAsync("schedules", "preview", "--cron", "30 2 * * *", "--zone", "Europe/Berlin", "--count", "3");
        Assert.Equal(3, tried.Lines.Length);
        Assert.All(tried.Lines, line => Assert.EndsWith(":30:00Z", line, StringComparison.Ordinal));
        Assert.Contains("report", (await RunAsync("schedules", "run", _queue)).Out, StringComparison.Ordinal);
        Assert.Equal(2, (await RunAsync("jobs", "list", "--queue", _queue)).Lines.Length);

        await RunAsync("schedules", "pause", _queue);
        Assert.Contains((await RunAsync("schedules", "list")).Lines, line => line.StartsWith(_queue, StringComparison.Ordinal) && line.Contains(" paused ", StringComparison.Ordinal));
        Assert.Contains("no", (await RunAsync("schedules", "resume", _queue)).Out, StringComparison.Ordinal);
        Assert.Equal($"Schedule {_queue} is deleted.", (await RunAsync("schedules", "delete", _queue)).Out.Trim());
        CommandRun gone = await RunAsync("schedules", "pause", _queue);
        Assert.Equal((ExitCodes.Failed, $"There is no schedule {_queue}."), (gone.ExitCode, gone.Error.Trim()));
        CommandRun wrong = await RunAsync("schedules", "put", _queue, "--cron", "every monday", "--job", "report");
        Assert.Equal((ExitCodes.Failed, ""), (wrong.ExitCode, wrong.Out));
    }

    [Fact]
    public async Task Every_result_is_one_JSON_value_when_asked_for()
    {
        await PauseAsync();
        string id = Json(await RunAsync("jobs", "enqueue", "count", "--queue", _queue, "--json")).GetProperty("id").GetString()!;
        string[][] commands =
        [
            ["jobs", "list", "--limit", "3"],
            ["jobs", "show", id],
            ["jobs", "log", id],
            ["jobs", "cancel", id],
            ["jobs", "retry", id],
            ["jobs", "cancel", "--queue", _queue],
            ["jobs", "retry", "--queue", _queue],
            ["jobs", "delete", id],
            ["jobs", "delete", "--queue", _queue],
            ["queues", "list"],
            ["queues", "pause", _queue],
            ["queues", "limit", _queue, "--max-running", "1"],
            ["queues", "resume", _queue],
            ["schedules", "put", _queue, "--every", "1h", "--job", "a", "--queue", _queue],
            ["schedules", "list"],
            ["schedules", "show", _queue],
            ["schedules", "pause", _queue],
            ["schedules", "resume", _queue],
            ["schedules", "preview", _queue],
            ["schedules", "preview", "--every", "1h"],
            ["schedules", "run", _queue],
            ["schedules", "delete", _queue],
        ];
        foreach (string[] command in commands)
        {
            CommandRun run = await RunAsync([.. command, "--json"]);
            Assert.True(run.ExitCode == ExitCodes.Ok, $"{string.Join(' ', command)}: {run.ExitCode} {run.Error}");
            Assert.Equal(JsonValueKind.Object, Json(run).ValueKind);
        }
    }

    private static JsonElement Json(CommandRun run) => JsonElement.Parse(Assert.Single(run.Lines));

    private Task<CommandRun> RunAsync(params string[] args) => CommandRun.OfAsync(args, server.Address);

    private async Task PauseAsync() => Assert.Equal(ExitCodes.Ok, (await RunAsync("queues", "pause", _queue)).ExitCode);
}
