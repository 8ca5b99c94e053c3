using Databus.Postgres;
using Databus.Server.CommandLine;
using Microsoft.Extensions.Logging.Abstractions;

namespace Databus.Server.Serving;

/// <summary>What the command line does to a PostgreSQL store, whether servers have it open or not.</summary>
internal static class PostgresCommands
{
    private const string UsePgDump =
        "PostgreSQL has its own tools for this. Copy the database with pg_dump --format=custom --schema=databus; "
        + "put a copy back with pg_restore while no node runs.";

    public static StoreCommands All { get; } = new()
    {
        CreateToken = (location, name, cancellationToken) =>
            TokenCommands.CreateAsync(Open(location), name, cancellationToken),
        ListTokens = (location, cancellationToken) => TokenCommands.ListAsync(Open(location), cancellationToken),
        DeleteToken = (location, name, cancellationToken) => TokenCommands.DeleteAsync(Open(location), name, cancellationToken),
        Backup = (_, _, _) => throw new CommandFailure(ExitCodes.WrongUsage, UsePgDump),
        Restore = (_, _, _, _) => throw new CommandFailure(ExitCodes.WrongUsage, UsePgDump),
        Examine = async (location, cancellationToken) => Findings.Of(await PostgresDoctor.ExamineAsync(OptionsOf(location), cancellationToken)),
    };

    /// <summary>The options of the store at this address.</summary>
    /// <exception cref="CommandFailure">The address is none.</exception>
    public static PostgresStoreOptions OptionsOf(StoreLocation location) =>
        PostgresUrl.TryParse(location.Url!, out var connectionString, out var refusal)
            ? new PostgresStoreOptions { ConnectionString = connectionString }
            : throw new CommandFailure(ExitCodes.WrongUsage, refusal);

    private static PostgresStore Open(StoreLocation location) => new(OptionsOf(location), TimeProvider.System, NullLogger<PostgresStore>.Instance);
}
