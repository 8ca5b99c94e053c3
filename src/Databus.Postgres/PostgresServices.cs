using Databus.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Databus.Postgres;

public static class PostgresServices
{
    /// <summary>Keeps everything in one PostgreSQL database, which any number of nodes share.</summary>
    public static IServiceCollection AddPostgresStore(this IServiceCollection services, PostgresStoreOptions options) =>
        services.AddSingleton<IStore>(provider => new PostgresStore(
            options, provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<PostgresStore>>()));
}
