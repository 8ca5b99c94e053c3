using System.CommandLine;
using System.Globalization;
using System.Net;
using System.Text;
using Databus.Server.CommandLine.Client;
using Databus.Server.CommandLine.Wire;

namespace Databus.Server.CommandLine;

/// <summary><c>databus jobs enqueue</c></summary>
internal sealed class EnqueueCommand
{
    private const string Description = """
        Enqueue a job and print it.

        With --wait the command ends when the job has, prints it then, and fails when the job did not succeed; what the
        job says meanwhile goes to stderr.

        Examples:
          databus jobs enqueue word-count --arguments '{"url":"https://example.org"}' --wait
          databus jobs enqueue clean-up --delay 1h --unique-key clean-up
          databus jobs enqueue import --arguments - < import.json
        """;

    /// <summary>So often at least it is shown what the job says.</summary>
    private static readonly TimeSpan OneWait = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan RetryFor = TimeSpan.FromSeconds(60);

    private readonly CommandContext _context;
    private readonly Argument<string> _name = Name.Argument("name", "The job's name: who handles it is told apart by it.");
    private readonly Option<string?> _arguments = RawArguments.Option();
    private readonly Option<string?> _queue = Name.Option("--queue", "The queue; 'default' when not given, unless the job's own is another.");
    private readonly Option<string?> _priority = new("--priority") { Description = "What goes first within the queue; normal when not given." };
    private readonly Option<TimeSpan?> _delay = Duration.Option("--delay", "Not to be started before this time is over.");
    private readonly Option<DateTimeOffset?> _dueAt = Moment.Option("--due-at", "Not to be started before, such as 2026-11-21T08:00:00Z.");
    private readonly Option<TimeSpan?> _expires = Duration.Option("--expires", "Not to be started any more when it has waited for so long.");
    private readonly Option<int?> _attempts = Count.Option("--max-attempts", "How often it is started at most before it has failed; 10 when not given.");

    private readonly Option<string?> _uniqueKey = new("--unique-key")
    {
        Description = "Not to be enqueued while there is a job of this name with this key.",
        HelpName = "key",
    };

    private readonly Option<TimeSpan?> _uniqueFor = Duration.Option("--unique-for", "How long the key stays taken; until the job has ended when not given.");
    private readonly Option<TimeSpan?> _keep = Duration.Option("--keep", "How long the job is kept after its end; 7d when not given.");

    private readonly Option<string[]> _after = new("--after")
    {
        Description = "The ids of jobs that have to succeed before.",
        HelpName = "ids",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<bool> _afterAnyEnd = new("--after-any-end") { Description = "Those only have to end, whatever the end." };
    private readonly Option<string?> _limitKey = new("--limit-key") { Description = "Jobs that have the same one share a limit.", HelpName = "key" };
    private readonly Option<int?> _maxRunning = Count.Option("--max-running", "How many of those run at once.");
    private readonly Option<int?> _maxStarts = Count.Option("--max-starts", "How many of those start within --per.");
    private readonly Option<TimeSpan?> _per = Duration.Option("--per", "The time of --max-starts, from 1s to 1d.");
    private readonly Option<bool> _wait = new("--wait") { Description = "Wait until the job has ended." };

    private EnqueueCommand(CommandContext context)
    {
        _context = context;
        _priority.AcceptOnlyFromAmong("low", "normal", "high");
    }

    public static Command Create(CommandContext context)
    {
        var enqueue = new EnqueueCommand(context);
        return context.ServerCommand(
            "enqueue",
            Description,
            [
                enqueue._name, enqueue._arguments, enqueue._queue, enqueue._priority, enqueue._delay, enqueue._dueAt, enqueue._expires, enqueue._attempts,
                enqueue._uniqueKey, enqueue._uniqueFor, enqueue._keep, enqueue._after, enqueue._afterAnyEnd,
                enqueue._limitKey, enqueue._maxRunning, enqueue._maxStarts, enqueue._per, enqueue._wait,
            ],
            enqueue.RunAsync);
    }

    private async Task<int> RunAsync(ParseResult parsed, ServerConnection server, CancellationToken stop)
    {
        ReadOnlyMemory<byte> arguments = await RawArguments.ReadAsync(parsed.GetValue(_arguments), _context.Terminal, stop);
        ServerAnswer answer = await server.PostJsonAsync($"api/v1/jobs/{parsed.GetValue(_name)}{Query(parsed)}", arguments, stop);
        if (!parsed.GetValue(_wait))
            return _context.Print(parsed, answer, WireJson.Default.Job, JobsCommand.Write);

        ServerAnswer ended = await WaitAsync(server, answer.Read(WireJson.Default.Job), stop);
        _context.Print(parsed, ended, WireJson.Default.Job, JobsCommand.Write);
        return ended.Read(WireJson.Default.Job).State == "succeeded" ? ExitCodes.Ok : ExitCodes.Failed;
    }

    private async Task<ServerAnswer> WaitAsync(ServerConnection server, Job job, CancellationToken stop)
    {
        var patience = new Patience(_context.Terminal.Time, RetryFor, note => _context.Terminal.Error.WriteLine(Printable.Line(note)));
        string path = string.Create(CultureInfo.InvariantCulture, $"api/v1/jobs/{job.Id}?wait={OneWait.TotalSeconds}");
        for (string said = ""; ;)
        {
            ServerAnswer answer = await patience.SendAsync(() => server.LongPollAsync(path, OneWait, stop), stop);
            if (answer.IsBusy)
            {
                await patience.WaitAsync(answer, stop);
                continue;
            }
            if (answer.Status != HttpStatusCode.Accepted)
                return answer;
            Job now = answer.Read(WireJson.Default.Job);
            string saying = $"{now.State} {JobsCommand.Progress(now)}".TrimEnd(' ', '-');
            if (saying != said)
                await _context.Terminal.Error.WriteLineAsync(Printable.Line(saying));
            said = saying;
        }
    }

    private string Query(ParseResult parsed)
    {
        var query = new StringBuilder();
        Add("queue", parsed.GetValue(_queue));
        Add("priority", parsed.GetValue(_priority));
        Add("delaySeconds", Seconds(_delay));
        Add("dueAt", parsed.GetValue(_dueAt) is DateTimeOffset due ? Moment.Text(due) : null);
        Add("expiresSeconds", Seconds(_expires));
        Add("maxAttempts", Number(_attempts));
        Add("uniqueKey", parsed.GetValue(_uniqueKey));
        Add("uniqueSeconds", Seconds(_uniqueFor));
        Add("keepSeconds", Seconds(_keep));
        Add("after", parsed.GetValue(_after) is { Length: > 0 } after ? string.Join(',', after) : null);
        Add("afterAnyEnd", parsed.GetValue(_afterAnyEnd) ? "true" : null);
        Add("limitKey", parsed.GetValue(_limitKey));
        Add("maxRunning", Number(_maxRunning));
        Add("maxStarts", Number(_maxStarts));
        Add("perSeconds", Seconds(_per));
        return query.ToString();

        string? Seconds(Option<TimeSpan?> option) => parsed.GetValue(option)?.TotalSeconds.ToString(CultureInfo.InvariantCulture);

        string? Number(Option<int?> option) => parsed.GetValue(option)?.ToString(CultureInfo.InvariantCulture);

        void Add(string name, string? value)
        {
            if (value is not null)
                query.Append(query.Length == 0 ? '?' : '&').Append(name).Append('=').Append(Uri.EscapeDataString(value));
        }
    }
}
