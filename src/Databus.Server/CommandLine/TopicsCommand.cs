using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Databus.Server.CommandLine.Client;
using Databus.Server.CommandLine.Wire;

namespace Databus.Server.CommandLine;

/// <summary><c>databus topics</c></summary>
internal static class TopicsCommand
{
    public static Command Create(CommandContext context) => new("topics", "List, show, set up and delete topics.")
    {
        CreateList(context),
        CreateShow(context),
        CreateSet(context),
        CreateDelete(context),
    };

    private static Command CreateList(CommandContext context) => context.ServerCommand(
        "list",
        "List the topics.",
        [],
        async (parsed, server, stop) => context.Print(
            parsed, await server.GetAsync("api/v1/topics", stop), WireJson.Default.TopicList, WriteList));

    private static Command CreateShow(CommandContext context)
    {
        Argument<string> name = Name.Argument("topic", "The topic.");
        return context.ServerCommand("show", "Show one topic.", [name], async (parsed, server, stop) => context.Print(
            parsed, await server.GetAsync(Path(parsed.GetValue(name)!), stop), WireJson.Default.Topic, Write));
    }

    private static Command CreateSet(CommandContext context)
    {
        Argument<string> name = Name.Argument("topic", "The topic; created when there is none.");
        var keys = new Option<string[]>("--key-pointers")
        {
            Description = "The JSON pointers whose values are an item's key, such as /source /id. None: the whole content.",
            AllowMultipleArgumentsPerToken = true,
            Arity = ArgumentArity.ZeroOrMore,
            HelpName = "pointer",
        };
        Option<TimeSpan?> window = Duration.Option("--window", "How long a key stays taken; 14d for a new topic.");
        var retention = new Option<string>("--retention")
        {
            Description = "How long items are kept, such as 30d; 'forever' keeps them.",
            HelpName = "time",
        };
        retention.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && token.Value != "forever" && !Duration.TryParse(token.Value, out _))
                result.AddError("--retention wants a time such as 30d, or 'forever'.");
        });
        return context.ServerCommand(
            "set",
            """
            Create a topic or change its settings; what is not given stays.

            Examples:
              databus topics set ads --key-pointers /source /id --window 30d
              databus topics set log --retention 7d
            """,
            [name, keys, window, retention],
            async (parsed, server, stop) =>
            {
                var settings = new JsonObject();
                if (parsed.GetResult(keys) is not null)
                    settings["keyPointers"] = new JsonArray([.. parsed.GetValue(keys)!.Select(key => JsonValue.Create(key))]);
                if (parsed.GetValue(window) is TimeSpan taken)
                    settings["windowSeconds"] = (long)taken.TotalSeconds;
                // An explicit null is what "forever" is; leaving it out would mean no change.
                if (parsed.GetValue(retention) is string kept)
                    settings["retentionSeconds"] = Duration.TryParse(kept, out TimeSpan span) ? (long)span.TotalSeconds : null;
                ServerAnswer answer = await server.PutAsync(
                    Path(parsed.GetValue(name)!), settings, WireJson.Default.JsonObject, stop);
                return context.Print(parsed, answer, WireJson.Default.Topic, Write);
            });
    }

    private static Command CreateDelete(CommandContext context)
    {
        Argument<string> name = Name.Argument("topic", "The topic.");
        return context.DeleteCommand("Topic", "Delete a topic with its items, keys and subscriptions, at once and for good.", name, parsed => Path(parsed.GetValue(name)!));
    }

    private static string Path(string topic) => $"api/v1/topics/{topic}";

    private static void WriteList(TopicList list, TextWriter output)
    {
        var table = new TextTable("TOPIC", "ITEMS", "SUBSCRIPTIONS", "WINDOW", "RETENTION", "LAST ADDED");
        foreach (Topic topic in list.Topics)
        {
            table.Add(
                topic.Name,
                topic.Items.ToString(CultureInfo.InvariantCulture),
                topic.Subscriptions.ToString(CultureInfo.InvariantCulture),
                Duration.Text(topic.WindowSeconds),
                Retention(topic),
                Printable.Time(topic.LastAddedAt));
        }
        table.WriteTo(output);
    }

    private static void Write(Topic topic, TextWriter output)
    {
        var table = new TextTable("topic", Printable.Line(topic.Name));
        table.Add("items", topic.Items.ToString(CultureInfo.InvariantCulture));
        table.Add("key", topic.KeyPointers is { Count: > 0 } keys ? string.Join(' ', keys) : "the whole content");
        table.Add("window", Duration.Text(topic.WindowSeconds));
        table.Add("retention", Retention(topic));
        table.Add("last id", topic.LastId ?? "-");
        table.Add("last added", Printable.Time(topic.LastAddedAt));
        table.Add("created", Printable.Time(topic.CreatedAt));
        table.Add("subscriptions", topic.Subscriptions.ToString(CultureInfo.InvariantCulture));
        table.WriteTo(output);
    }

    private static string Retention(Topic topic) =>
        topic.RetentionSeconds is long seconds ? Duration.Text(seconds) : "forever";
}
