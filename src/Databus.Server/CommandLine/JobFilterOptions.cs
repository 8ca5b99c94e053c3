using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Databus.Server.CommandLine;

/// <summary>The options that say which jobs.</summary>
internal sealed class JobFilterOptions
{
    private static readonly string[] States = ["waiting", "delayed", "held", "blocked", "running", "succeeded", "failed", "cancelled", "expired"];

    private readonly Option<string[]> _states = new("--state")
    {
        Description = $"Only in these states: {string.Join(", ", States)}.",
        HelpName = "states",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<string?> _queue = Name.Option("--queue", "Only of this queue. Without it, or a name, polls of sources (queue sources) are left out.");
    private readonly Option<string?> _name = Name.Option("--name", "Only of this name.");
    private readonly Option<string?> _contains = new("--contains") { Description = "Only those whose arguments contain this text.", HelpName = "text" };
    private readonly Option<DateTimeOffset?> _after = Moment.Option("--enqueued-after", "Only those enqueued after this time, such as 2026-11-21T08:00:00Z.");
    private readonly Option<DateTimeOffset?> _before = Moment.Option("--enqueued-before", "Only those enqueued before this time.");

    private readonly Option<TimeSpan?> _olderThan = Duration.Option(
        "--older-than", "Only those that took, or take, longer than this from the enqueuing to the end, or until now.");

    public JobFilterOptions()
    {
        _states.Validators.Add(result =>
        {
            if (Words(result.Tokens).FirstOrDefault(word => !States.Contains(word, StringComparer.Ordinal)) is { } unknown)
                result.AddError($"'{Printable.Line(unknown)}' is no state; there are {string.Join(", ", States)}.");
        });
    }

    public IEnumerable<Option> All => [_states, _queue, _name, _contains, _after, _before, _olderThan];

    /// <summary>Whether any of them is given.</summary>
    public bool IsGiven(CommandResult result) => All.Any(option => result.GetResult(option) is not null);

    /// <summary>As a filter of the server's.</summary>
    public JsonObject ToJson(ParseResult parsed)
    {
        var filter = new JsonObject();
        if (parsed.GetResult(_states) is { } states)
            filter["states"] = new JsonArray([.. Words(states.Tokens).Select(word => JsonValue.Create(word))]);
        if (parsed.GetValue(_queue) is string queue)
            filter["queue"] = queue;
        if (parsed.GetValue(_name) is string name)
            filter["name"] = name;
        if (parsed.GetValue(_contains) is string text)
            filter["q"] = text;
        if (parsed.GetValue(_after) is DateTimeOffset after)
            filter["enqueuedAfter"] = Moment.Text(after);
        if (parsed.GetValue(_before) is DateTimeOffset before)
            filter["enqueuedBefore"] = Moment.Text(before);
        if (parsed.GetValue(_olderThan) is TimeSpan age)
            filter["olderThanSeconds"] = (long)age.TotalSeconds;
        return filter;
    }

    /// <summary>The same as parameters of an address, each with an ampersand in front.</summary>
    public string ToQuery(ParseResult parsed) => string.Concat(ToJson(parsed).Select(member => member.Value is JsonArray states
        ? $"&state={string.Join(',', states)}"
        : string.Create(CultureInfo.InvariantCulture, $"&{member.Key}={Uri.EscapeDataString($"{member.Value}")}")));

    private static IEnumerable<string> Words(IReadOnlyList<Token> tokens) =>
        tokens.SelectMany(token => token.Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries));
}
