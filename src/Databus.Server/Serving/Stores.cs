using Databus.Postgres;
using Databus.Server.CommandLine;
using Databus.Sqlite;

namespace Databus.Server.Serving;

/// <summary>The kinds of store that this program works on.</summary>
internal static class Stores
{
    /// <summary>Adds the store that a server keeps everything in.</summary>
    public static void Add(IServiceCollection services, StoreLocation location)
    {
        switch (location.Kind)
        {
            case StoreKind.Sqlite:
                services.AddSqliteStore(new SqliteStoreOptions { DataDirectory = location.DataDirectory });
                break;
            case StoreKind.Postgres:
                services.AddPostgresStore(PostgresCommands.OptionsOf(location));
                break;
        }
    }

    /// <summary>What the command line does to this kind of store.</summary>
    public static StoreCommands CommandsOf(StoreLocation location) => location.Kind switch
    {
        StoreKind.Sqlite => SqliteCommands.All,
        _ => PostgresCommands.All,
    };
}
