using Databus.Storage;
using Microsoft.Extensions.DependencyInjection;

namespace Databus.Sqlite;

public static class SqliteServices
{
    /// <summary>Keeps everything in one SQLite file.</summary>
    public static IServiceCollection AddSqliteStore(this IServiceCollection services, SqliteStoreOptions options) =>
        services.AddSingleton<IStore>(provider => new SqliteStore(options, provider.GetRequiredService<TimeProvider>()));
}
