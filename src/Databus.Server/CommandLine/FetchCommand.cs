using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Databus.Server.CommandLine.Client;
using Databus.Server.CommandLine.Wire;

namespace Databus.Server.CommandLine;

/// <summary><c>databus fetch</c></summary>
internal sealed class FetchCommand
{
    private const string Description = """
        Take items of a topic and print the content of each as a line of JSON.

        Each is acknowledged once it was written and flushed, so a run that is killed in between loses nothing: what was
        not acknowledged comes again when its lease ends. With --no-ack nothing is acknowledged. A subscription that does
        not exist yet begins at the oldest item.

        Examples:
          databus fetch apartments
          databus fetch apartments --all > apartments.jsonl
          databus fetch ads --subscription alerts --follow | ./notify
          databus fetch ads --no-ack --envelope --max 10
        """;

    /// <summary>Items of one request: few enough that a slow reader handles them within a lease.</summary>
    private const int Batch = 500;

    private static readonly TimeSpan FollowWait = TimeSpan.FromSeconds(30);

    private readonly CommandContext _context;
    private readonly Argument<string> _topic = Name.Argument("topic", "The topic.");
    private readonly Option<string?> _subscription = Name.Option("--subscription", "The subscription; 'cli' when not given.");

    private readonly Option<int?> _max = Count.Option(
        "--max", "How many items to take at most; 1 when not given, any number with --all and --follow.");

    private readonly Option<TimeSpan?> _wait = Duration.Option(
        "--wait", "How long to wait for a first item, up to 60s; not at all when not given.");

    private readonly Option<TimeSpan?> _lease = Duration.Option(
        "--lease", "How long the items are held for this reader, up to 12h; the subscription's time when not given.");

    private readonly Option<bool> _noAck = new("--no-ack")
    {
        Description = "Leave the items to come again when the lease ends.",
    };

    private readonly Option<bool> _all = new("--all") { Description = "Take everything there is." };

    private readonly Option<bool> _follow = new("--follow")
    {
        Description = "Take everything there is and all that comes, until Ctrl+C.",
    };

    private readonly Option<bool> _envelope = new("--envelope")
    {
        Description = "Print id, attempt, addedAt and token around each content.",
    };

    private readonly Option<TimeSpan?> _retryFor = Duration.Option(
        "--retry-for", "How long to try again when the server stops answering; 60s when not given.");

    private FetchCommand(CommandContext context) => _context = context;

    public static Command Create(CommandContext context)
    {
        var fetch = new FetchCommand(context);
        return context.ServerCommand(
            "fetch",
            Description,
            [
                fetch._topic, fetch._subscription, fetch._max, fetch._all, fetch._follow, fetch._wait, fetch._lease,
                fetch._noAck, fetch._envelope, fetch._retryFor,
            ],
            fetch.RunAsync);
    }

    private async Task<int> RunAsync(ParseResult parsed, ServerConnection server, CancellationToken stop)
    {
        string path = $"api/v1/topics/{parsed.GetValue(_topic)}/subscriptions/{parsed.GetValue(_subscription) ?? "cli"}";
        bool follow = parsed.GetValue(_follow);
        bool envelope = parsed.GetValue(_envelope);
        int? lease = parsed.GetValue(_lease) is TimeSpan span ? (int)span.TotalSeconds : null;
        TimeSpan wait = follow ? FollowWait : parsed.GetValue(_wait) ?? TimeSpan.Zero;
        long remaining = parsed.GetValue(_max) ?? (follow || parsed.GetValue(_all) ? long.MaxValue : 1);
        bool any = false;
        var patience = new Patience(
            _context.Terminal.Time,
            parsed.GetValue(_retryFor) ?? TimeSpan.FromSeconds(60),
            note => _context.Terminal.Error.WriteLine(Printable.Line(note)));

        while (remaining > 0)
        {
            stop.ThrowIfCancellationRequested();
            var request = new FetchRequest((int)Math.Min(remaining, Batch), (int)wait.TotalSeconds, lease);
            TimeSpan thisWait = wait;
            ServerAnswer answer = await PatientlyAsync(
                patience,
                () => server.LongPollAsync($"{path}/fetch", request, WireJson.Default.FetchRequest, thisWait, stop),
                stop);
            IReadOnlyList<Delivery> items = answer.Read(WireJson.Default.DeliveryList).Items;
            if (items.Count == 0 && !follow)
                break;
            if (items.Count == 0)
                continue;
            any = true;
            await PrintAsync(items, envelope);
            if (!parsed.GetValue(_noAck))
                await AcknowledgeAsync(server, path, patience, items, stop);
            remaining -= items.Count;
            // Only the first item is waited for; with one in hand the rest is what is there now.
            wait = follow ? FollowWait : TimeSpan.Zero;
        }
        if (!any)
            await _context.Terminal.Error.WriteLineAsync("No data available.");
        return ExitCodes.Ok;
    }

    private static async Task<ServerAnswer> PatientlyAsync(
        Patience patience, Func<Task<ServerAnswer>> send, CancellationToken stop)
    {
        while (true)
        {
            ServerAnswer answer = await patience.SendAsync(send, stop);
            if (!answer.IsBusy)
                return answer;
            await patience.WaitAsync(answer, stop);
        }
    }

    private async Task PrintAsync(IReadOnlyList<Delivery> items, bool envelope)
    {
        var lines = new StringBuilder();
        foreach (Delivery item in items)
        {
            lines.Append(envelope
                ? JsonSerializer.Serialize(
                    new PrintedDelivery(item.Id, item.Attempt, item.AddedAt, item.Token, item.Content),
                    WireJson.Plain.PrintedDelivery)
                : JsonSerializer.Serialize(item.Content, WireJson.Plain.JsonElement));
            lines.Append('\n');
        }
        await _context.Terminal.Out.WriteAsync(lines);
        await _context.Terminal.Out.FlushAsync(CancellationToken.None);
    }

    private async Task AcknowledgeAsync(
        ServerConnection server, string path, Patience patience, IReadOnlyList<Delivery> items, CancellationToken stop)
    {
        var request = new AcknowledgeRequest([.. items.Select(item => item.Token)]);
        // Not cancelled by stop: what is printed should be acknowledged.
        ServerAnswer answer = await PatientlyAsync(
            patience,
            () => server.PostAsync($"{path}/ack", request, WireJson.Default.AcknowledgeRequest, CancellationToken.None),
            stop);
        AcknowledgeResult result = answer.Read(WireJson.Default.AcknowledgeResult);
        if (result.Lost is { Count: > 0 } lost)
        {
            await _context.Terminal.Error.WriteLineAsync(string.Create(
                CultureInfo.InvariantCulture,
                $"The lease of {lost.Count} printed items ended before they were acknowledged; they come again. Try a longer --lease."));
        }
    }
}
