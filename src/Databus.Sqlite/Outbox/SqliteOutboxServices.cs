using Databus.Outbox;
using Microsoft.Extensions.DependencyInjection;

namespace Databus.Sqlite.Outbox;

public static class SqliteOutboxServices
{
    /// <summary>
    /// Keeps the outbox in the service's own SQLite file, in tables that begin with <c>databus_outbox_</c>. Any number of processes may
    /// have it open. The file is put into WAL mode, unless <see cref="OutboxOptions.Migrate"/> is off.
    /// </summary>
    /// <param name="connectionString">Microsoft.Data.Sqlite's, of a file.</param>
    public static IServiceCollection AddSqliteOutbox(this IServiceCollection services, string connectionString)
    {
        // Chosen before the service opens its first connection: two libraries in one process would not see each other's locks.
        _ = SqliteLibrary.Version;
        return services.AddSingleton<IOutboxStore>(provider => new SqliteOutbox(connectionString, provider.GetRequiredService<TimeProvider>()));
    }
}
