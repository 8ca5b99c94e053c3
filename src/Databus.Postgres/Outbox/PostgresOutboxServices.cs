using Databus.Outbox;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Databus.Postgres.Outbox;

public static class PostgresOutboxServices
{
    /// <summary>
    /// Keeps the outbox in the service's own PostgreSQL database, in the schema <c>databus_outbox</c>. The role needs the right to create it,
    /// unless <see cref="OutboxOptions.Migrate"/> is off.
    /// </summary>
    /// <param name="connectionString">Npgsql's. The outbox has up to 20 connections of its own.</param>
    public static IServiceCollection AddPostgresOutbox(this IServiceCollection services, string connectionString) =>
        services.AddSingleton<IOutboxStore>(provider => new PostgresOutbox(
            new OutboxDatabase(connectionString), provider.GetRequiredService<ILogger<PostgresOutbox>>()));

    /// <summary>The same on a data source of the service, which stays its own; the outbox keeps one of its connections to listen.</summary>
    /// <inheritdoc cref="AddPostgresOutbox(IServiceCollection, string)"/>
    public static IServiceCollection AddPostgresOutbox(this IServiceCollection services, NpgsqlDataSource source) =>
        services.AddSingleton<IOutboxStore>(provider => new PostgresOutbox(
            new OutboxDatabase(source), provider.GetRequiredService<ILogger<PostgresOutbox>>()));
}
