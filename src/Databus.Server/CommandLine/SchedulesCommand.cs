using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Databus.Server.CommandLine.Client;
using Databus.Server.CommandLine.Wire;

namespace Databus.Server.CommandLine;

/// <summary><c>databus schedules</c></summary>
internal static class SchedulesCommand
{
    public static Command Create(CommandContext context) => new(
        "schedules", "List, show, put, pause, resume, run, preview and delete schedules.")
    {
        CreateList(context),
        CreateShow(context),
        CreatePut(context),
        CreatePause(context, "pause", "Let a schedule enqueue nothing until it is resumed.", paused: true),
        CreatePause(context, "resume", "Let a paused schedule go on; what it missed is made up for as its --catch-up says.", paused: false),
        CreateRun(context),
        CreatePreview(context),
        CreateDelete(context),
    };

    private static Argument<string> NameArgument => Name.Argument("name", "The schedule.");

    private static Command CreateList(CommandContext context) => context.ServerCommand(
        "list",
        "List the schedules.",
        [],
        async (parsed, server, stop) => context.Print(
            parsed, await server.GetAsync("api/v1/schedules", stop), WireJson.Default.ScheduleList, WriteList));

    private static Command CreateShow(CommandContext context)
    {
        Argument<string> name = NameArgument;
        return context.ServerCommand("show", "Show one schedule.", [name], async (parsed, server, stop) => context.Print(
            parsed, await server.GetAsync(Path(parsed.GetValue(name)!), stop), WireJson.Default.Schedule, Write));
    }

    private static Command CreatePut(CommandContext context)
    {
        Argument<string> name = Name.Argument("name", "What to call it. A schedule of this name is changed.");
        var rule = new RuleOptions();
        Option<string?> job = Name.Option("--job", "The name of the job to enqueue.");
        Option<string?> arguments = RawArguments.Option();
        Option<string?> queue = Name.Option("--queue", "The job's queue; 'default' when not given.");
        var priority = new Option<string?>("--priority") { Description = "The job's priority; normal when not given." };
        priority.AcceptOnlyFromAmong("low", "normal", "high");
        Option<int?> attempts = Count.Option("--max-attempts", "How often the job is started at most before it has failed; 10 when not given.");
        var catchUp = new Option<string?>("--catch-up") { Description = "What is made up for of ticks that were missed; latest for a new one." };
        catchUp.AcceptOnlyFromAmong("none", "latest", "all");
        Option<int?> catchUpLimit = Count.Option("--catch-up-limit", "With --catch-up all: how many at most; 100 for a new one.");
        var overlap = new Option<string?>("--overlap") { Description = "What happens at a tick while the job before has not ended; skip for a new one." };
        overlap.AcceptOnlyFromAmong("skip", "queue", "cancelOld", "allow");
        Option<TimeSpan?> jitter = Duration.Option("--jitter", "Each job starts up to this much later, by chance; 0s for a new one.");
        var paused = new Option<bool>("--paused") { Description = "Do not enqueue yet." };
        Command command = context.ServerCommand(
            "put",
            """
            Create a schedule or change it; what is not given stays. The job is given as a whole.

            Examples:
              databus schedules put clean-up --every 10m --job clean-up
              databus schedules put report --cron "0 7 * * MON-FRI" --zone Europe/Berlin --job report --arguments '{"to":"all"}'
              databus schedules put report --jitter 5m
            """,
            [name, .. rule.All, job, arguments, queue, priority, attempts, catchUp, catchUpLimit, overlap, jitter, paused],
            async (parsed, server, stop) =>
            {
                JsonObject settings = rule.ToJson(parsed);
                if (parsed.GetValue(job) is string jobName)
                {
                    var described = new JsonObject { ["name"] = jobName };
                    if (await RawArguments.ReadNodeAsync(parsed.GetValue(arguments), context.Terminal, stop) is JsonNode given)
                        described["arguments"] = given;
                    if (parsed.GetValue(queue) is string queueName)
                        described["queue"] = queueName;
                    if (parsed.GetValue(priority) is string word)
                        described["priority"] = word;
                    if (parsed.GetValue(attempts) is int most)
                        described["maxAttempts"] = most;
                    settings["job"] = described;
                }
                if (parsed.GetValue(catchUp) is string missed)
                    settings["catchUp"] = missed;
                if (parsed.GetValue(catchUpLimit) is int limit)
                    settings["catchUpLimit"] = limit;
                if (parsed.GetValue(overlap) is string overlapping)
                    settings["overlap"] = overlapping;
                if (parsed.GetValue(jitter) is TimeSpan later)
                    settings["jitterSeconds"] = later.TotalSeconds;
                if (parsed.GetValue(paused))
                    settings["paused"] = true;
                ServerAnswer answer = await server.PutAsync(Path(parsed.GetValue(name)!), settings, WireJson.Default.JsonObject, stop);
                return context.Print(parsed, answer, WireJson.Default.Schedule, Write);
            });
        rule.Check(command);
        command.Validators.Add(result =>
        {
            if (result.GetResult(job) is null && new Option[] { arguments, queue, priority, attempts }.Any(option => result.GetResult(option) is not null))
                result.AddError("--arguments, --queue, --priority and --max-attempts say more about --job, which is missing.");
        });
        return command;
    }

    private static Command CreatePause(CommandContext context, string verb, string description, bool paused)
    {
        Argument<string> name = NameArgument;
        return context.ServerCommand(verb, description, [name], async (parsed, server, stop) =>
        {
            // Looked for first: the server would say of one that is not there that it lacks a rule.
            string path = Path(parsed.GetValue(name)!);
            (await server.GetAsync(path, stop)).EnsureSuccess();
            ServerAnswer answer = await server.PutAsync(path, new JsonObject { ["paused"] = paused }, WireJson.Default.JsonObject, stop);
            return context.Print(parsed, answer, WireJson.Default.Schedule, Write);
        });
    }

    private static Command CreateRun(CommandContext context)
    {
        Argument<string> name = NameArgument;
        return context.ServerCommand(
            "run",
            "Enqueue a schedule's job at once, beside its ticks.",
            [name],
            async (parsed, server, stop) => context.Print(
                parsed, await server.PostAsync($"{Path(parsed.GetValue(name)!)}/run", stop), WireJson.Default.Job, JobsCommand.Write));
    }

    private static Command CreatePreview(CommandContext context)
    {
        Argument<string> name = NameArgument;
        name.Arity = ArgumentArity.ZeroOrOne;
        var rule = new RuleOptions();
        Option<int?> count = Count.Option("--count", "How many; 10 when not given.");
        Command command = context.ServerCommand(
            "preview",
            """
            Show when a schedule ticks next; or when a rule would, before there is a schedule.

            Examples:
              databus schedules preview report
              databus schedules preview --cron "30 2 * * SUN" --zone Europe/Berlin --count 3
            """,
            [name, .. rule.All, count],
            async (parsed, server, stop) =>
            {
                int most = parsed.GetValue(count) ?? 10;
                ServerAnswer answer;
                if (parsed.GetValue(name) is string schedule)
                {
                    answer = await server.GetAsync(string.Create(CultureInfo.InvariantCulture, $"{Path(schedule)}/preview?count={most}"), stop);
                }
                else
                {
                    JsonObject trial = rule.ToJson(parsed);
                    trial["count"] = most;
                    answer = await server.PostAsync("api/v1/schedules/preview", trial, WireJson.Default.JsonObject, stop);
                }
                return context.Print(parsed, answer, WireJson.Default.TickList, (ticks, output) =>
                {
                    foreach (DateTimeOffset time in ticks.Times)
                        output.WriteLine(Printable.Time(time));
                });
            });
        rule.Check(command);
        command.Validators.Add(result =>
        {
            if (result.GetResult(name) is { Tokens.Count: > 0 } == rule.IsGiven(result))
                result.AddError("Say of what: the name of a schedule, or a rule by --every or --cron.");
        });
        return command;
    }

    private static Command CreateDelete(CommandContext context)
    {
        Argument<string> name = NameArgument;
        return context.DeleteCommand("Schedule", "Delete a schedule. The jobs that it enqueued stay.", name, parsed => Path(parsed.GetValue(name)!));
    }

    private static string Path(string schedule) => $"api/v1/schedules/{schedule}";

    private static void WriteList(ScheduleList list, TextWriter output)
    {
        var table = new TextTable("SCHEDULE", "RULE", "JOB", "STATE", "NEXT", "LAST", "LAST JOB", "TICKS", "SKIPPED");
        foreach (Schedule schedule in list.Schedules)
        {
            table.Add(
                schedule.Name,
                Rule(schedule),
                schedule.Job.Name,
                schedule.Paused ? "paused" : "open",
                Printable.Time(schedule.NextAt),
                Printable.Time(schedule.LastTickAt),
                LastJob(schedule),
                Number(schedule.Ticks),
                Number(schedule.Skipped));
        }
        table.WriteTo(output);
    }

    private static void Write(Schedule schedule, TextWriter output)
    {
        var table = new TextTable("schedule", Printable.Line(schedule.Name));
        table.Add("rule", Rule(schedule));
        table.Add("job", schedule.Job.Name);
        table.Add("arguments", schedule.Job.Arguments is { } arguments ? System.Text.Json.JsonSerializer.Serialize(arguments, WireJson.Plain.JsonElement) : "-");
        table.Add("queue", schedule.Job.Queue ?? "-");
        table.Add("priority", schedule.Job.Priority ?? "-");
        table.Add("max attempts", Number(schedule.Job.MaxAttempts));
        table.Add("catch up", schedule.CatchUp == "all" ? string.Create(CultureInfo.InvariantCulture, $"all, up to {schedule.CatchUpLimit}") : schedule.CatchUp ?? "-");
        table.Add("overlap", schedule.Overlap ?? "-");
        table.Add("jitter", Duration.Text((long)schedule.JitterSeconds));
        table.Add("paused", schedule.Paused ? "yes" : "no");
        table.Add("next", Printable.Time(schedule.NextAt));
        table.Add("last", Printable.Time(schedule.LastTickAt));
        table.Add("last job", LastJob(schedule));
        table.Add("ticks", Number(schedule.Ticks));
        table.Add("skipped", Number(schedule.Skipped));
        table.WriteTo(output);
    }

    private static string Rule(Schedule schedule) => schedule.EverySeconds is double seconds
        ? $"every {(seconds == Math.Floor(seconds) ? Duration.Text((long)seconds) : string.Create(CultureInfo.InvariantCulture, $"{seconds}s"))}"
        : $"{schedule.Cron} {schedule.Zone}";

    private static string LastJob(Schedule schedule) => schedule.LastJobId is null ? "-" : $"{schedule.LastJobId} {schedule.LastJobState ?? "no longer kept"}";

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>The options that say when.</summary>
    private sealed class RuleOptions
    {
        private readonly Option<TimeSpan?> _every = Duration.Option("--every", "The interval, from 1s; counted from the Unix epoch.");

        private readonly Option<string?> _cron = new("--cron")
        {
            Description = "A cron expression of five fields, or six with seconds in front.",
            HelpName = "expression",
        };

        private readonly Option<string?> _zone = new("--zone") { Description = "The time zone of --cron, such as Europe/Berlin; UTC when not given.", HelpName = "zone" };

        public IEnumerable<Option> All => [_every, _cron, _zone];

        public bool IsGiven(System.CommandLine.Parsing.CommandResult result) => result.GetResult(_every) is not null || result.GetResult(_cron) is not null;

        public void Check(Command command) => command.Validators.Add(result =>
        {
            if (result.GetResult(_every) is not null && (result.GetResult(_cron) ?? result.GetResult(_zone)) is not null)
                result.AddError("Say one of --every and --cron; --zone goes with --cron.");
        });

        public JsonObject ToJson(ParseResult parsed)
        {
            var rule = new JsonObject();
            if (parsed.GetValue(_every) is TimeSpan every)
                rule["everySeconds"] = every.TotalSeconds;
            if (parsed.GetValue(_cron) is string cron)
                rule["cron"] = cron;
            if (parsed.GetValue(_zone) is string zone)
                rule["zone"] = zone;
            return rule;
        }
    }
}
