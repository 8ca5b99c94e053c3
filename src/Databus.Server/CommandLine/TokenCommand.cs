using System.CommandLine;
using Databus.Server.CommandLine.Client;
using Databus.Server.CommandLine.Wire;

namespace Databus.Server.CommandLine;

/// <summary><c>databus token</c></summary>
/// <remarks>
/// Works on the machine of the store: whoever may write its folder may make tokens. A running server is asked over its
/// control socket, because it holds the store; without one the store is opened here.
/// </remarks>
internal static class TokenCommand
{
    private const string Route = "api/v1/tokens";

    public static Command Create(CommandContext context, StoreCommands store) => new(
        "token", "Create, list and delete tokens, on the machine that holds the data.")
    {
        CreateCreate(context, store),
        CreateList(context, store),
        CreateDelete(context, store),
    };

    private static Command CreateCreate(CommandContext context, StoreCommands store)
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
                    : await store.CreateToken(location, wanted, stop)
                        ?? throw new CommandFailure(ExitCodes.Failed, $"There is a token {wanted} already.");
                context.Print(
                    parsed, created, WireJson.Plain.CreatedToken, output => output.WriteLine(Printable.Line(created.Token)));
                return ExitCodes.Ok;
            });
    }

    private static Command CreateList(CommandContext context, StoreCommands store) => context.StoreCommand(
        "list",
        "List the tokens' names.",
        [],
        async (parsed, location, stop) =>
        {
            using ServerConnection? server = await ServerConnection.ToControlSocketAsync(location.ControlSocket, stop);
            TokenList tokens = server is not null
                ? (await server.GetAsync(Route, stop)).Read(WireJson.Default.TokenList)
                : new TokenList { Tokens = await store.ListTokens(location, stop) };
            context.Print(parsed, tokens, WireJson.Plain.TokenList, output =>
            {
                var table = new TextTable("TOKEN", "CREATED", "LAST USED");
                foreach (KnownToken token in tokens.Tokens)
                    table.Add(token.Name, Printable.Time(token.CreatedAt), Printable.Time(token.LastUsedAt));
                table.WriteTo(output);
            });
            return ExitCodes.Ok;
        });

    private static Command CreateDelete(CommandContext context, StoreCommands store)
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
                else if (!await store.DeleteToken(location, wanted, stop))
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
