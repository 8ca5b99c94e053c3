using System.Net.Sockets;
using Databus.Storage;
using Npgsql;

namespace Databus.Postgres;

/// <summary>What an error of PostgreSQL, or of the way to it, means for whoever asked.</summary>
internal static class PostgresErrors
{
    /// <summary>Rolled back for certain, and may well succeed when it is done again.</summary>
    public static bool IsConflict(Exception error) => error is PostgresException
    {
        SqlState: PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected,
    };

    /// <summary>The connection is of no more use.</summary>
    public static bool IsBroken(Exception error) => error switch
    {
        PostgresException postgres => postgres.SqlState.StartsWith("57P", StringComparison.Ordinal) || postgres.SqlState.StartsWith("08", StringComparison.Ordinal),
        NpgsqlException npgsql => !IsPoolExhausted(npgsql),
        IOException or SocketException or TimeoutException => true,
        _ => false,
    };

    /// <summary>The database is there but will not have us, and waiting does not help.</summary>
    public static bool IsRefusal(Exception error) => error is PostgresException postgres
        && (postgres.SqlState.StartsWith("28", StringComparison.Ordinal) || postgres.SqlState is PostgresErrorCodes.InvalidCatalogName or PostgresErrorCodes.InsufficientPrivilege);

    /// <summary>The error as the engine knows it; null: it is a mistake of ours and stays what it is.</summary>
    public static StoreException? Translate(Exception error) => error switch
    {
        StoreException store => store,
        PostgresException { SqlState: PostgresErrorCodes.DiskFull } => new StoreException(
            StoreProblem.DiskFull, "The database's disk is full. Nothing can be added until space returns.", error),
        PostgresException { SqlState: PostgresErrorCodes.TooManyConnections or PostgresErrorCodes.OutOfMemory } => new StoreException(
            StoreProblem.Busy, "The database has no connection to spare.", error),
        PostgresException { SqlState: PostgresErrorCodes.ReadOnlySqlTransaction } => new StoreException(
            StoreProblem.Unavailable, "The database is a standby and takes no changes.", error),
        NpgsqlException npgsql when IsPoolExhausted(npgsql) => new StoreException(
            StoreProblem.Busy, "All connections of this node to the database are in use.", error),
        PostgresException { SqlState: PostgresErrorCodes.QueryCanceled or PostgresErrorCodes.LockNotAvailable } => new StoreException(
            StoreProblem.Unavailable, $"The database ended the statement: {error.Message}", error),
        _ when IsRefusal(error) => new StoreException(StoreProblem.Unavailable, $"The database refuses this node: {error.Message}", error),
        _ when IsConflict(error) => new StoreException(StoreProblem.Busy, "Others changed the same rows again and again.", error),
        _ when IsBroken(error) => new StoreException(StoreProblem.Unavailable, $"The database does not answer: {error.Message}", error),
        _ => null,
    };

    public static StoreException Stopped() => new(StoreProblem.Stopped, "The store is closed.");

    private static bool IsPoolExhausted(NpgsqlException error) =>
        error.InnerException is TimeoutException && error.Message.Contains("pool", StringComparison.Ordinal);
}
