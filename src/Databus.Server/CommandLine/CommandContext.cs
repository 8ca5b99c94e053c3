using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Databus.Server.CommandLine.Client;
using Databus.Server.CommandLine.Wire;

namespace Databus.Server.CommandLine;

/// <summary>What the commands have in common: the options that many of them take, and how they print.</summary>
internal sealed class CommandContext
{
    private const string DefaultUrl = "http://127.0.0.1:5001";

    private readonly Option<bool> _json = new("--json")
    {
        Description = "Print the result as JSON, for scripts.",
        Recursive = true,
    };

    private readonly Option<string> _url;
    private readonly Option<string?> _token;
    private readonly Option<string> _data;
    private readonly Option<string?> _store;

    public CommandContext(Terminal terminal)
    {
        Terminal = terminal;
        _url = new Option<string>("--url")
        {
            Description = "The server's address; or DATABUS_URL.",
            DefaultValueFactory = _ => terminal.Variable("DATABUS_URL") ?? DefaultUrl,
        };
        _token = new Option<string?>("--token")
        {
            // No default value: help would print it.
            Description = "The token to sign in with; better DATABUS_TOKEN, which no process list shows.",
        };
        _data = new Option<string>("--data")
        {
            Description = "The folder of the data, where the store is sqlite; or DATABUS_DATA.",
            HelpName = "folder",
            DefaultValueFactory = _ => terminal.Variable("DATABUS_DATA") ?? "./databus-data",
        };
        _store = new Option<string?>("--store")
        {
            // No default value: help would print the password of DATABUS_STORE.
            Description = "sqlite, in the folder of the data, when not given; or postgres://user:password@host:port/database,"
                + " better in DATABUS_STORE, which no process list shows.",
            HelpName = "store",
        };
    }

    public Terminal Terminal { get; }

    /// <summary>Taken by every command.</summary>
    public Option Json => _json;

    /// <summary>Makes a command that talks to a server.</summary>
    public Command ServerCommand(
        string name,
        string description,
        IEnumerable<Symbol> symbols,
        Func<ParseResult, ServerConnection, CancellationToken, Task<int>> run)
    {
        Command command = Command(name, description, symbols, async (parsed, stop) =>
        {
            using ServerConnection server = Connect(parsed);
            return await run(parsed, server, stop);
        });
        command.Options.Add(_url);
        command.Options.Add(_token);
        return command;
    }

    /// <summary>Makes a command that deletes one thing of a server's by its name.</summary>
    /// <param name="thing">What it is, as a sentence begins with it.</param>
    /// <param name="name">Which one.</param>
    /// <param name="before">What else is to be said before its name.</param>
    public Command DeleteCommand(string thing, string description, Argument<string> name, Func<ParseResult, string> path, params Symbol[] before) =>
        ServerCommand("delete", description, [.. before, name], async (parsed, server, stop) =>
        {
            string wanted = parsed.GetValue(name)!;
            (await server.DeleteAsync(path(parsed), stop)).EnsureSuccess();
            Print(parsed, new PrintedName(Deleted: wanted), WireJson.Plain.PrintedName, output => output.WriteLine($"{thing} {wanted} is deleted."));
            return ExitCodes.Ok;
        });

    /// <summary>Makes a command that works on a store.</summary>
    public Command StoreCommand(
        string name,
        string description,
        IEnumerable<Symbol> symbols,
        Func<ParseResult, StoreLocation, CancellationToken, Task<int>> run)
    {
        Command command = Command(name, description, symbols, (parsed, stop) =>
            run(parsed, Location(parsed), stop));
        command.Options.Add(_data);
        command.Options.Add(_store);
        return command;
    }

    /// <summary>The address of the server.</summary>
    public Uri Url(ParseResult parsed)
    {
        string text = parsed.GetValue(_url)!;
        return Uri.TryCreate(text, UriKind.Absolute, out Uri? url)
            && (url.Scheme == Uri.UriSchemeHttp || url.Scheme == Uri.UriSchemeHttps)
            ? url
            : throw new CommandFailure(ExitCodes.WrongUsage, $"'{text}' is no address such as {DefaultUrl}.");
    }

    /// <summary>Prints what the server answered: its JSON as it is, or what <paramref name="forPeople"/> makes of it.</summary>
    public int Print<T>(ParseResult parsed, ServerAnswer answer, JsonTypeInfo<T> type, Action<T, TextWriter> forPeople)
    {
        T value = answer.Read(type);
        if (parsed.GetValue(_json))
            PrintJson(JsonSerializer.Deserialize(answer.Body.Span, WireJson.Plain.JsonElement), WireJson.Plain.JsonElement);
        else
            forPeople(value, Terminal.Out);
        return ExitCodes.Ok;
    }

    /// <summary>As above, for a result that is not an answer's.</summary>
    public void Print<T>(ParseResult parsed, T value, JsonTypeInfo<T> type, Action<TextWriter> forPeople)
    {
        if (parsed.GetValue(_json))
            PrintJson(value, type);
        else
            forPeople(Terminal.Out);
    }

    private static Command Command(
        string name,
        string description,
        IEnumerable<Symbol> symbols,
        Func<ParseResult, CancellationToken, Task<int>> run)
    {
        var command = new Command(name, description);
        foreach (Symbol symbol in symbols)
        {
            if (symbol is Argument argument)
                command.Arguments.Add(argument);
            else
                command.Options.Add((Option)symbol);
        }
        command.SetAction(run);
        return command;
    }

    private StoreLocation Location(ParseResult parsed) => StoreLocation.Read(
        parsed.GetValue(_store) ?? Terminal.Variable("DATABUS_STORE") ?? StoreLocation.Default, parsed.GetValue(_data)!);

    private void PrintJson<T>(T value, JsonTypeInfo<T> type) => Terminal.Out.WriteLine(JsonSerializer.Serialize(value, type));

    private ServerConnection Connect(ParseResult parsed) =>
        ServerConnection.To(Url(parsed), parsed.GetValue(_token) ?? Terminal.Variable("DATABUS_TOKEN"));
}
