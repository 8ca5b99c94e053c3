using System.CommandLine;
using System.Globalization;
using Databus.Server.CommandLine.Client;
using Databus.Server.CommandLine.Wire;

namespace Databus.Server.CommandLine;

/// <summary><c>databus sources</c></summary>
internal static class SourcesCommand
{
    public static Command Create(CommandContext context) => new(
        "sources", "List, add, show, poll, pause, resume and delete sources.")
    {
        CreateList(context),
        CreateAdd(context),
        CreateShow(context),
        CreatePoll(context),
        CreatePause(context, "pause", "Stop polling a source until it is resumed.", paused: true),
        CreatePause(context, "resume", "Poll a paused source again.", paused: false),
        CreateDelete(context),
    };

    private static Argument<string> NameArgument => Name.Argument("name", "The source.");

    private static Command CreateList(CommandContext context) => context.ServerCommand(
        "list",
        "List the sources.",
        [],
        async (parsed, server, stop) => context.Print(
            parsed, await server.GetAsync("api/v1/sources", stop), WireJson.Default.SourceList, WriteList));

    private static Command CreateAdd(CommandContext context)
    {
        Argument<string> name = Name.Argument("name", "What to call it. A source of this name gets the new settings.");
        var url = new Argument<string>("url") { Description = "The address of the feed, or amqp:QUEUE." };
        url.Validators.Add(result =>
        {
            if (result.Tokens is [var token]
                && !(Uri.TryCreate(token.Value, UriKind.Absolute, out Uri? uri) && uri.Scheme is "http" or "https"))
            {
                result.AddError($"'{Printable.Line(token.Value)}' is no http or https address.");
            }
        });
        Option<string?> topic = Name.Option("--topic", "Where the items go; the source's name when not given.");
        Option<TimeSpan?> interval = Duration.Option("--interval", "How often to poll, from 5s; 5m when not given.");
        var paused = new Option<bool>("--paused") { Description = "Do not poll it yet." };
        return context.ServerCommand(
            "add",
            """
            Poll an RSS or Atom feed, or listen to a queue of RabbitMQ; every new entry or message becomes an item.

            Example:
              databus sources add news https://example.org/feed.xml --interval 10m
            """,
            [name, url, topic, interval, paused],
            async (parsed, server, stop) =>
            {
                int? seconds = parsed.GetValue(interval) is TimeSpan span ? (int)span.TotalSeconds : null;
                var settings = new SourceSettings(
                    "feed", parsed.GetValue(url)!, parsed.GetValue(topic), seconds, parsed.GetValue(paused));
                ServerAnswer answer = await server.PutAsync(
                    Path(parsed.GetValue(name)!), settings, WireJson.Default.SourceSettings, stop);
                return context.Print(parsed, answer, WireJson.Default.Source, Write);
            });
    }

    private static Command CreateShow(CommandContext context)
    {
        Argument<string> name = NameArgument;
        return context.ServerCommand("show", "Show one source.", [name], async (parsed, server, stop) => context.Print(
            parsed, await server.GetAsync(Path(parsed.GetValue(name)!), stop), WireJson.Default.Source, Write));
    }

    private static Command CreatePoll(CommandContext context)
    {
        Argument<string> name = NameArgument;
        return context.ServerCommand("poll", "Poll a source as soon as possible.", [name], async (parsed, server, stop) =>
        {
            string source = parsed.GetValue(name)!;
            (await server.PostAsync($"{Path(source)}/poll", stop)).EnsureSuccess();
            context.Print(
                parsed,
                new PrintedName(Polled: source),
                WireJson.Plain.PrintedName,
                output => output.WriteLine($"Source {source} is polled as soon as possible."));
            return ExitCodes.Ok;
        });
    }

    private static Command CreatePause(CommandContext context, string verb, string description, bool paused)
    {
        Argument<string> name = NameArgument;
        return context.ServerCommand(verb, description, [name], async (parsed, server, stop) =>
        {
            string path = Path(parsed.GetValue(name)!);
            Source source = (await server.GetAsync(path, stop)).Read(WireJson.Default.Source);
            var settings = new SourceSettings(source.Kind, source.Url, source.Topic, source.IntervalSeconds, paused);
            ServerAnswer answer = await server.PutAsync(path, settings, WireJson.Default.SourceSettings, stop);
            return context.Print(parsed, answer, WireJson.Default.Source, Write);
        });
    }

    private static Command CreateDelete(CommandContext context)
    {
        Argument<string> name = NameArgument;
        return context.DeleteCommand("Source", "Delete a source. The items it brought stay.", name, parsed => Path(parsed.GetValue(name)!));
    }

    private static string Path(string source) => $"api/v1/sources/{source}";

    private static void WriteList(SourceList list, TextWriter output)
    {
        var table = new TextTable("SOURCE", "STATE", "TOPIC", "EVERY", "ADDED", "LAST POLLED", "LAST OUTCOME", "URL");
        foreach (Source source in list.Sources)
        {
            table.Add(
                source.Name,
                source.State ?? "-",
                source.Topic,
                Duration.Text(source.IntervalSeconds),
                source.ItemsAdded.ToString(CultureInfo.InvariantCulture),
                Printable.Time(source.LastPolledAt),
                source.Error ?? source.LastOutcome ?? "-",
                source.Url);
        }
        table.WriteTo(output);
    }

    private static void Write(Source source, TextWriter output)
    {
        var table = new TextTable("source", Printable.Line(source.Name));
        table.Add("kind", source.Kind);
        table.Add("url", source.Url);
        table.Add("topic", source.Topic);
        table.Add("every", Duration.Text(source.IntervalSeconds));
        table.Add("state", source.State ?? "-");
        table.Add("last polled", Printable.Time(source.LastPolledAt));
        table.Add("next poll", Printable.Time(source.NextPollAt));
        table.Add("last outcome", source.LastOutcome ?? "-");
        table.Add("error", source.Error ?? "-");
        table.Add("failures", source.Failures.ToString(CultureInfo.InvariantCulture));
        table.Add("items added", source.ItemsAdded.ToString(CultureInfo.InvariantCulture));
        table.Add("created", Printable.Time(source.CreatedAt));
        table.WriteTo(output);
    }
}
