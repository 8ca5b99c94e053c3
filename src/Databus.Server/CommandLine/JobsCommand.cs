using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Databus.Server.CommandLine.Client;
using Databus.Server.CommandLine.Wire;

namespace Databus.Server.CommandLine;

/// <summary><c>databus jobs</c></summary>
internal static class JobsCommand
{
    private const int PageSize = 100;

    // A table shows what a job is about, not all of it; show and --json have the whole.
    private const int ShownArguments = 60;

    public static Command Create(CommandContext context) => new("jobs", "List, show, enqueue, cancel, retry and delete jobs.")
    {
        CreateList(context),
        CreateShow(context),
        EnqueueCommand.Create(context),
        CreateChange(
            context,
            "cancel",
            "Cancel jobs that have not started, and ask those that run to stop.",
            "--state waiting,delayed --name word-count",
            "cancelled or asked to stop"),
        CreateChange(
            context,
            "retry",
            "Let jobs that failed, were cancelled or expired wait again, with all their attempts.",
            "--state failed --queue pages",
            "waiting again"),
        CreateChange(
            context,
            "delete",
            "Delete jobs that do not run, with their results and logs.",
            "--older-than 10h --state failed",
            "deleted"),
        CreateLog(context),
    };

    /// <summary>Prints one job for people.</summary>
    public static void Write(Job job, TextWriter output)
    {
        var table = new TextTable("job", Printable.Line(job.Id));
        table.Add("name", job.Name);
        table.Add("queue", job.Queue);
        table.Add("priority", job.Priority ?? "-");
        table.Add("state", job.CancelRequested && job.State == "running" ? "running, asked to stop" : job.State);
        table.Add("attempt", string.Create(CultureInfo.InvariantCulture, $"{job.Attempt} of {job.MaxAttempts}"));
        table.Add("arguments", Text(job.Arguments));
        table.Add("enqueued", Printable.Time(job.EnqueuedAt));
        table.Add("due", Printable.Time(job.DueAt));
        table.Add("started", Printable.Time(job.StartedAt));
        table.Add("ended", Printable.Time(job.EndedAt));
        table.Add("owner", job.Owner ?? "-");
        table.Add("progress", Progress(job));
        table.Add("result", Text(job.Result));
        table.Add("error", job.Error ?? "-");
        table.WriteTo(output);
    }

    /// <summary>How far it is, and what it says to it.</summary>
    public static string Progress(Job job)
    {
        string share = job.Progress is double progress ? string.Create(CultureInfo.InvariantCulture, $"{Math.Round(progress * 100)} %") : "";
        return $"{share} {job.Message}".Trim() is { Length: > 0 } said ? said : "-";
    }

    private static Command CreateList(CommandContext context)
    {
        var filter = new JobFilterOptions();
        Option<int?> limit = Count.Option("--limit", "How many at most; 100 when not given.");
        return context.ServerCommand(
            "list",
            """
            List jobs, the newest first.

            Example:
              databus jobs list --state failed --enqueued-after 2026-11-21T00:00:00Z
            """,
            [.. filter.All, limit],
            async (parsed, server, stop) =>
            {
                int most = parsed.GetValue(limit) ?? PageSize;
                var jobs = new List<Job>();
                var raw = new List<JsonElement>();
                string? before = null;
                do
                {
                    int wanted = Math.Clamp(most - jobs.Count, 1, PageSize);
                    string from = before is null ? "" : $"&before={Uri.EscapeDataString(before)}";
                    ServerAnswer answer = await server.GetAsync($"api/v1/jobs?limit={wanted}{filter.ToQuery(parsed)}{from}", stop);
                    JobList page = answer.Read(WireJson.Default.JobList);
                    jobs.AddRange(page.Jobs);
                    raw.AddRange(answer.Read(WireJson.Default.JsonElement).GetProperty("jobs").EnumerateArray());
                    before = page.ScannedTo;
                }
                while (before is not null && jobs.Count < most);
                context.Print(parsed, new PrintedJobs(raw), WireJson.Plain.PrintedJobs, output => WriteList(jobs, output));
                return ExitCodes.Ok;
            });
    }

    private static Command CreateShow(CommandContext context)
    {
        Argument<string> id = IdArgument();
        return context.ServerCommand("show", "Show one job.", [id], async (parsed, server, stop) => context.Print(
            parsed, await server.GetAsync(Path(parsed.GetValue(id)!), stop), WireJson.Default.Job, Write));
    }

    private static Command CreateLog(CommandContext context)
    {
        Argument<string> id = IdArgument();
        return context.ServerCommand("log", "Show what a job logged, oldest first.", [id], async (parsed, server, stop) => context.Print(
            parsed, await server.GetAsync($"{Path(parsed.GetValue(id)!)}/log", stop), WireJson.Default.JobLog, WriteLog));
    }

    private static Command CreateChange(CommandContext context, string verb, string description, string example, string done)
    {
        var ids = new Argument<string[]>("ids") { Description = "The ids of jobs.", Arity = ArgumentArity.ZeroOrMore };
        ids.Validators.Add(result => CheckIds(result.Tokens, result.AddError));
        var filter = new JobFilterOptions();
        var all = new Option<bool>("--all") { Description = "All of them." };
        Command command = context.ServerCommand(
            verb,
            $"""
            {description}

            Examples:
              databus jobs {verb} 4711 4712
              databus jobs {verb} {example}
            """,
            [ids, .. filter.All, all],
            async (parsed, server, stop) =>
            {
                JsonObject wanted = filter.ToJson(parsed);
                string[] given = parsed.GetValue(ids) ?? [];
                if (given is [var id] && wanted.Count == 0)
                    return await ChangeOneAsync(context, parsed, server, verb, id, done, stop);
                if (given.Length > 0)
                    wanted["ids"] = new JsonArray([.. given.Select(one => JsonValue.Create(one))]);
                long changed = await ChangeManyAsync(server, verb, wanted, parsed.GetValue(all), stop);
                context.Print(
                    parsed,
                    new PrintedChange(changed),
                    WireJson.Plain.PrintedChange,
                    output => output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{changed} {done}")));
                return ExitCodes.Ok;
            });
        command.Validators.Add(result =>
        {
            bool some = result.GetResult(ids) is { Tokens.Count: > 0 } || filter.IsGiven(result);
            if (some == result.GetValue(all))
                result.AddError($"Say what to {verb}: ids, options that choose, or --all.");
        });
        return command;
    }

    /// <summary>One that is named is asked for by itself: then the server says why nothing was done.</summary>
    private static async Task<int> ChangeOneAsync(
        CommandContext context, ParseResult parsed, ServerConnection server, string verb, string id, string done, CancellationToken stop)
    {
        if (verb != "delete")
        {
            ServerAnswer answer = await server.PostAsync($"{Path(id)}/{verb}", stop);
            return context.Print(parsed, answer, WireJson.Default.Job, (job, output) => output.WriteLine(
                Printable.Line($"Job {job.Id} is {(job is { State: "running", CancelRequested: true } ? "asked to stop" : job.State)}.")));
        }
        (await server.DeleteAsync(Path(id), stop)).EnsureSuccess();
        context.Print(parsed, new PrintedName(Deleted: id), WireJson.Plain.PrintedName, output => output.WriteLine($"Job {id} is {done}."));
        return ExitCodes.Ok;
    }

    /// <summary>The server goes on for a few seconds at a time.</summary>
    private static async Task<long> ChangeManyAsync(ServerConnection server, string verb, JsonObject filter, bool all, CancellationToken stop)
    {
        long changed = 0;
        string? before = null;
        do
        {
            var request = new JsonObject { ["filter"] = filter.DeepClone() };
            if (all)
                request["all"] = true;
            if (before is not null)
                request["before"] = before;
            ServerAnswer answer = await server.PostAsync($"api/v1/jobs/bulk/{verb}", request, WireJson.Default.JsonObject, stop);
            BulkResult result = answer.Read(WireJson.Default.BulkResult);
            changed += result.Changed;
            before = result.ScannedTo;
        }
        while (before is not null);
        return changed;
    }

    private static Argument<string> IdArgument()
    {
        var id = new Argument<string>("id") { Description = "The job's id." };
        id.Validators.Add(result => CheckIds(result.Tokens, result.AddError));
        return id;
    }

    /// <summary>Anything else is refused before it can become part of an address.</summary>
    private static void CheckIds(IReadOnlyList<System.CommandLine.Parsing.Token> tokens, Action<string> refuse)
    {
        foreach (System.CommandLine.Parsing.Token token in tokens)
        {
            if (!long.TryParse(token.Value, NumberStyles.None, CultureInfo.InvariantCulture, out _))
                refuse($"'{Printable.Line(token.Value)}' is no id: ids are whole numbers.");
        }
    }

    private static string Path(string id) => $"api/v1/jobs/{id}";

    private static string Text(JsonElement? json) => json is { } value ? JsonSerializer.Serialize(value, WireJson.Plain.JsonElement) : "-";

    private static void WriteList(List<Job> jobs, TextWriter output)
    {
        var table = new TextTable("ID", "NAME", "QUEUE", "STATE", "ATTEMPT", "ENQUEUED", "ENDED", "PROGRESS", "ARGUMENTS", "ERROR");
        foreach (Job job in jobs)
        {
            string arguments = Text(job.Arguments);
            table.Add(
                job.Id,
                job.Name,
                job.Queue,
                job.State,
                string.Create(CultureInfo.InvariantCulture, $"{job.Attempt}/{job.MaxAttempts}"),
                Printable.Time(job.EnqueuedAt),
                Printable.Time(job.EndedAt),
                Progress(job),
                arguments.Length > ShownArguments ? arguments[..ShownArguments] + "…" : arguments,
                job.Error ?? "-");
        }
        table.WriteTo(output);
    }

    private static void WriteLog(JobLog log, TextWriter output)
    {
        foreach (JobLogLine line in log.Lines)
        {
            output.WriteLine(Printable.Line(string.Create(
                CultureInfo.InvariantCulture, $"{Printable.Time(line.At)}  attempt {line.Attempt}  {line.Level,-8}  {line.Text}")));
        }
    }
}
