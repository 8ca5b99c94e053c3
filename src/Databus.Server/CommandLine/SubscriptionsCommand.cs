using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Databus.Server.CommandLine.Client;
using Databus.Server.CommandLine.Wire;

namespace Databus.Server.CommandLine;

/// <summary><c>databus subscriptions</c></summary>
internal static class SubscriptionsCommand
{
    public static Command Create(CommandContext context) => new(
        "subscriptions", "List, show, set up, pause, resume, rewind and delete subscriptions.")
    {
        CreateList(context),
        CreateShow(context),
        CreateSet(context),
        CreatePause(context, "pause", "Stop pushing a subscription's items to its destination until it is resumed.", paused: true),
        CreatePause(context, "resume", "Push the items of a paused subscription again.", paused: false),
        CreateRewind(context),
        CreateDelete(context),
    };

    private static Argument<string> TopicArgument => Name.Argument("topic", "The topic.");

    private static Argument<string> SubscriptionArgument => Name.Argument("subscription", "The subscription.");

    private static Command CreateList(CommandContext context)
    {
        Option<string?> topic = Name.Option("--topic", "Only those of this topic.");
        return context.ServerCommand("list", "List the subscriptions.", [topic], async (parsed, server, stop) =>
        {
            string path = parsed.GetValue(topic) is string name
                ? $"api/v1/topics/{name}/subscriptions"
                : "api/v1/subscriptions";
            return context.Print(parsed, await server.GetAsync(path, stop), WireJson.Default.SubscriptionList, WriteList);
        });
    }

    private static Command CreateShow(CommandContext context)
    {
        Argument<string> topic = TopicArgument;
        Argument<string> name = SubscriptionArgument;
        return context.ServerCommand("show", "Show one subscription.", [topic, name], async (parsed, server, stop) =>
            context.Print(
                parsed,
                await server.GetAsync(Path(parsed.GetValue(topic)!, parsed.GetValue(name)!), stop),
                WireJson.Default.Subscription,
                Write));
    }

    private static Command CreateSet(CommandContext context)
    {
        Argument<string> topic = TopicArgument;
        Argument<string> name = Name.Argument("subscription", "The subscription; created when there is none.");
        var start = new Option<string>("--start") { Description = "Where a new subscription begins." };
        start.AcceptOnlyFromAmong("beginning", "end");
        Option<TimeSpan?> lease = Duration.Option("--lease", "How long a reader may take for an item; 30s for a new one.");
        Option<int?> attempts = Count.Option(
            "--max-attempts", "Deliveries of an item before it becomes a dead letter; 10 for a new one.");
        Option<int?> inFlight = Count.Option(
            "--max-in-flight", "Items that may be leased at once; 10000 for a new one.");
        Option<string?> destination = Name.Option("--destination", "Push the items there: the kind, such as rabbitmq.");
        Option<DestinationMember[]> members = DestinationMember.Option(
            "--with", "A setting of the destination; repeat it for more. name:=value takes the value as JSON: a number, true, a list.");
        var noDestination = new Option<bool>("--no-destination") { Description = "Push no more; the items wait to be fetched." };
        var paused = new Option<bool>("--paused") { Description = "Do not push yet." };
        Command command = context.ServerCommand(
            "set",
            """
            Create a subscription or change its settings; what is not given stays.

            Examples:
              databus subscriptions set ads alerts --start end --lease 5m --max-attempts 3
              databus subscriptions set ads queue --destination rabbitmq --with queue=Apartment_ads
            """,
            [topic, name, start, lease, attempts, inFlight, destination, members, noDestination, paused],
            async (parsed, server, stop) =>
            {
                var settings = new JsonObject();
                if (parsed.GetValue(start) is string begin)
                    settings["start"] = begin;
                if (parsed.GetValue(lease) is TimeSpan span)
                    settings["leaseSeconds"] = (long)span.TotalSeconds;
                if (parsed.GetValue(attempts) is int maxAttempts)
                    settings["maxAttempts"] = maxAttempts;
                if (parsed.GetValue(inFlight) is int maxInFlight)
                    settings["maxInFlight"] = maxInFlight;
                if (parsed.GetValue(noDestination))
                    settings["destination"] = null;
                if (parsed.GetValue(destination) is string kind)
                    settings["destination"] = DestinationMember.ToJson(kind, parsed.GetValue(members) ?? []);
                if (parsed.GetValue(paused))
                    settings["paused"] = true;
                ServerAnswer answer = await server.PutAsync(
                    Path(parsed.GetValue(topic)!, parsed.GetValue(name)!), settings, WireJson.Default.JsonObject, stop);
                return context.Print(parsed, answer, WireJson.Default.Subscription, Write);
            });
        command.Validators.Add(result =>
        {
            if (result.GetResult(destination) is not null && result.GetResult(noDestination) is not null)
                result.AddError("Say one of --destination and --no-destination.");
            if (result.GetResult(destination) is null && result.GetResult(members) is not null)
                result.AddError("--with says more about --destination, which is missing.");
        });
        return command;
    }

    private static Command CreatePause(CommandContext context, string verb, string description, bool paused)
    {
        Argument<string> topic = TopicArgument;
        Argument<string> name = SubscriptionArgument;
        return context.ServerCommand(verb, description, [topic, name], async (parsed, server, stop) =>
        {
            // Looked for first, because what is set would be created.
            string path = Path(parsed.GetValue(topic)!, parsed.GetValue(name)!);
            (await server.GetAsync(path, stop)).EnsureSuccess();
            var settings = new JsonObject { ["paused"] = paused };
            ServerAnswer answer = await server.PutAsync(path, settings, WireJson.Default.JsonObject, stop);
            return context.Print(parsed, answer, WireJson.Default.Subscription, Write);
        });
    }

    private static Command CreateRewind(CommandContext context)
    {
        Argument<string> topic = TopicArgument;
        Argument<string> name = SubscriptionArgument;
        var to = new Option<string>("--to") { Description = "The beginning: every item kept comes again. The end: none does." };
        to.AcceptOnlyFromAmong("beginning", "end");
        var after = new Option<string>("--after") { Description = "What follows this item comes again.", HelpName = "id" };
        Option<DateTimeOffset?> time = Moment.Option("--time", "What was added from this time on comes again, such as 2026-11-21T08:00:00Z.");
        Command command = context.ServerCommand(
            "rewind",
            """
            Move a subscription's position back or forth. Exactly one of --to, --after and --time says where.

            Examples:
              databus subscriptions rewind ads alerts --to beginning
              databus subscriptions rewind ads alerts --after 4711
            """,
            [topic, name, to, after, time],
            async (parsed, server, stop) =>
            {
                var place = new JsonObject();
                if (parsed.GetValue(to) is string end)
                    place["to"] = end;
                if (parsed.GetValue(after) is string id)
                    place["after"] = id;
                if (parsed.GetValue(time) is DateTimeOffset moment)
                    place["time"] = Moment.Text(moment);
                string path = Path(parsed.GetValue(topic)!, parsed.GetValue(name)!);
                ServerAnswer answer = await server.PostAsync($"{path}/rewind", place, WireJson.Default.JsonObject, stop);
                return context.Print(parsed, answer, WireJson.Default.Subscription, Write);
            });
        command.Validators.Add(result =>
        {
            if (new Option[] { to, after, time }.Count(option => result.GetResult(option) is not null) != 1)
                result.AddError("Say where: exactly one of --to, --after and --time.");
        });
        return command;
    }

    private static Command CreateDelete(CommandContext context)
    {
        Argument<string> topic = TopicArgument;
        Argument<string> name = SubscriptionArgument;
        return context.DeleteCommand(
            "Subscription", "Delete a subscription with its position and its dead letters. The items stay.", name,
            parsed => Path(parsed.GetValue(topic)!, parsed.GetValue(name)!), topic);
    }

    private static string Path(string topic, string subscription) => $"api/v1/topics/{topic}/subscriptions/{subscription}";

    private static void WriteList(SubscriptionList list, TextWriter output)
    {
        var table = new TextTable("TOPIC", "SUBSCRIPTION", "POSITION", "LAG", "IN FLIGHT", "WAITING", "DEAD", "DESTINATION");
        foreach (Subscription subscription in list.Subscriptions)
        {
            table.Add(
                subscription.Topic,
                subscription.Name,
                subscription.Position ?? "-",
                Number(subscription.Lag),
                Number(subscription.InFlight),
                Number(subscription.Waiting),
                Number(subscription.Dead),
                Destination(subscription) + (subscription.Paused ? ", paused" : ""));
        }
        table.WriteTo(output);
    }

    private static void Write(Subscription subscription, TextWriter output)
    {
        var table = new TextTable("subscription", Printable.Line(subscription.Name));
        table.Add("topic", subscription.Topic);
        table.Add("position", subscription.Position ?? "-");
        table.Add("last id", subscription.LastId ?? "-");
        table.Add("lag", Number(subscription.Lag));
        table.Add("in flight", Number(subscription.InFlight));
        table.Add("waiting", Number(subscription.Waiting));
        table.Add("dead letters", Number(subscription.Dead));
        table.Add("lease", Duration.Text(subscription.LeaseSeconds));
        table.Add("max attempts", Number(subscription.MaxAttempts));
        table.Add("max in flight", Number(subscription.MaxInFlight));
        table.Add("destination", Destination(subscription));
        table.Add("paused", subscription.Paused ? "yes" : "no");
        table.Add("oldest waiting", Printable.Time(subscription.OldestWaitingAt));
        table.Add("created", Printable.Time(subscription.CreatedAt));
        table.WriteTo(output);
    }

    /// <summary>The kind first, as the server writes it.</summary>
    private static string Destination(Subscription subscription) => subscription.Destination is null
        ? "-"
        : Printable.Line(string.Join(' ', subscription.Destination.Select(member =>
            member.Key == DestinationMember.Kind ? $"{member.Value}" : $"{member.Key}={member.Value}")));

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);
}
