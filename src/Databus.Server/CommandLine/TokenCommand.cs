using System.CommandLine;
using Databus.Server.CommandLine.Client;
using Databus.Server.CommandLine.Wire;

namespace Databus.Server.CommandLine;

/// <summary><c>databus token</c></summary>
/// <remarks>
/// Works on the store: whoever may write it may make tokens. A server that holds it alone is asked over its control socket;
/// otherwise the store is opened here.
/// </remarks>
internal static class TokenCommand
{
    private const string Route = "api/v1/tokens";

    public static Command Create(CommandContext context, Func<StoreLocation, StoreCommands> store) => new(
        "token", "Create, list and delete tokens, on the machine that holds the data.")
    {
        CreateCreate(context, store),
        CreateList(context, store),
        CreateDelete(context, store),
    };

    private static Command CreateCreate(CommandContext context, Func<StoreLocation, StoreCommands> store)
    {
        Argument<string> name = Name.Argument("name", "What to call it: the program or person that uses it.");
        return context.StoreCommand(
            "create",
            """
            Create a token and print it, this one time: only its hash is kept.

            Example:
              export DATABUS_TOKEN=$(databus token create scraper --data /var/lib/databus)
            """,
            [name],
            async (parsed, location, stop) =>
            {
                string wanted = parsed.GetValue(name)!;
                using ServerConnection? server = await ServerConnection.ToControlSocketAsync(location.ControlSocket, stop);
                CreatedToken created = server is not null
                    ? (await server.PostAsync(Route, new TokenName(wanted), WireJson.Default.TokenName, stop))
                        .Read(WireJson.Default.CreatedToken)
                    : await store(location).CreateToken(location, wanted, stop)
                        ?? throw new CommandFailure(ExitCodes.Failed, $"There is a token {wanted} already.");
                context.Print(
                    parsed, created, WireJson.Plain.CreatedToken, output => output.WriteLine(Printable.Line(created.Token)));
                return ExitCodes.Ok;
            });
    }

    private static Command CreateList(CommandContext context, Func<StoreLocation, StoreCommands> store) => context.StoreCommand(
        "list",
        "List the tokens' names.",
        [],
        async (parsed, location, stop) =>
        {
            using ServerConnection? server = await ServerConnection.ToControlSocketAsync(location.ControlSocket, stop);
            TokenList tokens = server is not null
                ? (await server.GetAsync(Route, stop)).Read(WireJson.Default.TokenList)
                : new TokenList { Tokens = await store(location).ListTokens(location, stop) };
            context.Print(parsed, tokens, WireJson.Plain.TokenList, output =>
            {
                var table = new TextTable("TOKEN", "CREATED", "LAST USED");
                foreach (KnownToken token in tokens.Tokens)
                    table.Add(token.Name, Printable.Time(token.CreatedAt), Printable.Time(token.LastUsedAt));
                table.WriteTo(output);
            });
            return ExitCodes.Ok;
        });

    private static Command CreateDelete(CommandContext context, Func<StoreLocation, StoreCommands> store)
    {
        Argument<string> name = Name.Argument("name", "The token.");
        return context.StoreCommand(
            "delete",
            "Delete a token: from now on nobody gets in with it.",
            [name],
            async (parsed, location, stop) =>
            {
                string wanted = parsed.GetValue(name)!;
                using ServerConnection? server = await ServerConnection.ToControlSocketAsync(location.ControlSocket, stop);
                if (server is not null)
                    (await server.DeleteAsync($"{Route}/{wanted}", stop)).EnsureSuccess();
                else if (!await store(location).DeleteToken(location, wanted, stop))
                    throw new CommandFailure(ExitCodes.Failed, $"There is no token {wanted}.");
                context.Print(
                    parsed,
                    new PrintedName(Deleted: wanted),
                    WireJson.Plain.PrintedName,
                    output => output.WriteLine($"Token {wanted} is deleted."));
                return ExitCodes.Ok;
            });
    }
}
