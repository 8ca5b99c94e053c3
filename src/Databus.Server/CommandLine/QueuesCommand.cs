using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Databus.Server.CommandLine.Client;
using Databus.Server.CommandLine.Wire;

namespace Databus.Server.CommandLine;

/// <summary><c>databus queues</c></summary>
internal static class QueuesCommand
{
    public static Command Create(CommandContext context) => new("queues", "List, pause, resume and limit queues of jobs.")
    {
        CreateList(context),
        CreatePause(context, "pause", "Start no more jobs of a queue until it is resumed. What runs goes on.", paused: true),
        CreatePause(context, "resume", "Start the jobs of a paused queue again.", paused: false),
        CreateLimit(context),
    };

    private static Argument<string> NameArgument => Name.Argument("queue", "The queue.");

    private static Command CreateList(CommandContext context) => context.ServerCommand(
        "list",
        "List the queues that have jobs or settings.",
        [],
        async (parsed, server, stop) => context.Print(
            parsed, await server.GetAsync("api/v1/queues", stop), WireJson.Default.QueueList, (list, output) => WriteList(list.Queues, output)));

    private static Command CreatePause(CommandContext context, string verb, string description, bool paused)
    {
        Argument<string> name = NameArgument;
        return context.ServerCommand(verb, description, [name], (parsed, server, stop) =>
            PutAsync(context, parsed, server, parsed.GetValue(name)!, new JsonObject { ["paused"] = paused }, stop));
    }

    private static Command CreateLimit(CommandContext context)
    {
        Argument<string> name = NameArgument;
        Option<int?> running = Count.Option("--max-running", "How many of its jobs run at once, on all nodes together.");
        Option<int?> starts = Count.Option("--max-starts", "How many of its jobs start within --per.");
        Option<TimeSpan?> per = Duration.Option("--per", "The time of --max-starts, from 1s to 1d.");
        var none = new Option<bool>("--none") { Description = "No limit." };
        Command command = context.ServerCommand(
            "limit",
            """
            Limit what the jobs of a queue do together. What is said takes the place of the limit that was there.

            Examples:
              databus queues limit pages --max-running 4
              databus queues limit mail --max-starts 20 --per 1m
              databus queues limit mail --none
            """,
            [name, running, starts, per, none],
            (parsed, server, stop) =>
            {
                var limit = new JsonObject
                {
                    ["maxRunning"] = parsed.GetValue(running) ?? 0,
                    ["maxStarts"] = parsed.GetValue(starts) ?? 0,
                };
                if (parsed.GetValue(per) is TimeSpan time)
                    limit["perSeconds"] = time.TotalSeconds;
                return PutAsync(context, parsed, server, parsed.GetValue(name)!, limit, stop);
            });
        command.Validators.Add(result =>
        {
            bool some = result.GetResult(running) is not null || result.GetResult(starts) is not null;
            if (some == result.GetValue(none))
                result.AddError("Say what the limit is: --max-running, --max-starts with --per, or --none.");
            if (result.GetResult(starts) is null != result.GetResult(per) is null)
                result.AddError("--max-starts and --per go together.");
        });
        return command;
    }

    private static async Task<int> PutAsync(
        CommandContext context, ParseResult parsed, ServerConnection server, string queue, JsonObject settings, CancellationToken stop) => context.Print(
        parsed,
        await server.PutAsync($"api/v1/queues/{queue}", settings, WireJson.Default.JsonObject, stop),
        WireJson.Default.Queue,
        (answer, output) => WriteList([answer], output));

    private static void WriteList(IReadOnlyList<Queue> queues, TextWriter output)
    {
        var table = new TextTable("QUEUE", "STATE", "WAITING", "DELAYED", "HELD", "BLOCKED", "RUNNING", "ENDED/MIN", "MEAN WAIT", "OLDEST DUE", "LIMIT");
        foreach (Queue queue in queues)
        {
            table.Add(
                queue.Name,
                queue.Paused ? "paused" : "open",
                Number(queue.Counts.Waiting),
                Number(queue.Counts.Delayed),
                Number(queue.Counts.Held),
                Number(queue.Counts.Blocked),
                Number(queue.Counts.Running),
                Number(queue.EndedLastMinute),
                queue.MeanWaitSeconds is double wait ? string.Create(CultureInfo.InvariantCulture, $"{wait:0.###}s") : "-",
                Printable.Time(queue.OldestDueAt),
                Limit(queue.Limit));
        }
        table.WriteTo(output);
    }

    private static string Limit(QueueLimit? limit)
    {
        if (limit is null)
            return "-";
        string running = limit.MaxRunning > 0 ? string.Create(CultureInfo.InvariantCulture, $"{limit.MaxRunning} at once") : "";
        string starts = limit is { MaxStarts: > 0, PerSeconds: double seconds }
            ? string.Create(CultureInfo.InvariantCulture, $"{limit.MaxStarts} per {Duration.Text((long)seconds)}")
            : "";
        return string.Join(", ", new[] { running, starts }.Where(part => part.Length > 0));
    }

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);
}
