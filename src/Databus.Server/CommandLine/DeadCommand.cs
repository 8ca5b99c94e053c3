using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Databus.Server.CommandLine.Client;
using Databus.Server.CommandLine.Wire;

namespace Databus.Server.CommandLine;

/// <summary><c>databus dead</c></summary>
internal static class DeadCommand
{
    private const int PageSize = 100;

    // A table shows what an item is, not all of it; --json has the whole.
    private const int ShownContent = 80;

    public static Command Create(CommandContext context) => new("dead", "List, replay and discard dead letters.")
    {
        CreateList(context),
        CreateChoice(
            context,
            "replay",
            "Deliver dead letters again, as if they were new.",
            result => $"{result.Replayed ?? 0} replayed"),
        CreateChoice(
            context,
            "discard",
            "Forget dead letters. Their items stay in the topic.",
            result => $"{result.Discarded ?? 0} discarded"),
    };

    private static Command CreateList(CommandContext context)
    {
        Argument<string> topic = Name.Argument("topic", "The topic.");
        Argument<string> subscription = Name.Argument("subscription", "The subscription.");
        Option<int?> limit = Count.Option("--limit", "How many at most; 100 when not given.");
        return context.ServerCommand(
            "list",
            "List the deliveries that gave up, with their reasons.",
            [topic, subscription, limit],
            async (parsed, server, stop) =>
            {
                string path = Path(parsed.GetValue(topic)!, parsed.GetValue(subscription)!);
                int most = parsed.GetValue(limit) ?? PageSize;
                var dead = new List<DeadLetter>();
                string? after = null;
                do
                {
                    int wanted = Math.Clamp(most - dead.Count, 1, PageSize);
                    string from = after is null ? "" : $"&after={Uri.EscapeDataString(after)}";
                    ServerAnswer answer = await server.GetAsync($"{path}?limit={wanted}{from}", stop);
                    DeadLetterList page = answer.Read(WireJson.Default.DeadLetterList);
                    dead.AddRange(page.Dead);
                    after = page.Next;
                }
                while (after is not null && dead.Count < most);
                context.Print(
                    parsed, new PrintedDead(dead), WireJson.Plain.PrintedDead, output => WriteList(dead, output));
                return ExitCodes.Ok;
            });
    }

    private static Command CreateChoice(
        CommandContext context, string verb, string description, Func<DeadLetterResult, string> say)
    {
        Argument<string> topic = Name.Argument("topic", "The topic.");
        Argument<string> subscription = Name.Argument("subscription", "The subscription.");
        var ids = new Argument<string[]>("ids") { Description = "The ids of the items.", Arity = ArgumentArity.ZeroOrMore };
        var all = new Option<bool>("--all") { Description = "All of them." };
        Command command = context.ServerCommand(
            verb,
            $"""
            {description}

            Examples:
              databus dead {verb} ads alerts 4711 4712
              databus dead {verb} ads alerts --all
            """,
            [topic, subscription, ids, all],
            async (parsed, server, stop) =>
            {
                var choice = new DeadLetterChoice(parsed.GetValue(all) ? null : parsed.GetValue(ids));
                string path = Path(parsed.GetValue(topic)!, parsed.GetValue(subscription)!);
                ServerAnswer answer = await server.PostAsync(
                    $"{path}/{verb}", choice, WireJson.Default.DeadLetterChoice, stop);
                return context.Print(
                    parsed, answer, WireJson.Default.DeadLetterResult, (result, output) => output.WriteLine(say(result)));
            });
        command.Validators.Add(result =>
        {
            bool some = result.GetResult(ids) is { Tokens.Count: > 0 };
            if (some == result.GetValue(all))
                result.AddError($"Say what to {verb}: either ids or --all.");
        });
        return command;
    }

    private static string Path(string topic, string subscription) =>
        $"api/v1/topics/{topic}/subscriptions/{subscription}/dead";

    private static void WriteList(List<DeadLetter> dead, TextWriter output)
    {
        var table = new TextTable("ID", "ATTEMPTS", "DIED", "REASON", "CONTENT");
        foreach (DeadLetter letter in dead)
        {
            string content = JsonSerializer.Serialize(letter.Content, WireJson.Plain.JsonElement);
            table.Add(
                letter.Id,
                letter.Attempts.ToString(CultureInfo.InvariantCulture),
                Printable.Time(letter.DiedAt),
                letter.Reason ?? "-",
                content.Length > ShownContent ? content[..ShownContent] + "…" : content);
        }
        table.WriteTo(output);
    }
}
