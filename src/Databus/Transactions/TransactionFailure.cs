using System.Data.Common;

namespace Databus.Transactions;

/// <summary>What an error says about a transaction, wherever in the chain of its causes the database speaks.</summary>
internal static class TransactionFailure
{
    private const string SerializationFailure = "40001";
    private const string Deadlock = "40P01";
    private const string IntegrityClass = "23";

    /// <summary>The database undid the transaction because of others; alone, it would have gone through.</summary>
    public static bool IsConflict(Exception error) =>
        Any(error, failure => failure.SqlState is SerializationFailure or Deadlock || IsSqlite(failure, "5", "6"));

    /// <summary>A constraint was violated.</summary>
    public static bool IsIntegrity(Exception error) =>
        Any(error, failure => failure.SqlState?.StartsWith(IntegrityClass, StringComparison.Ordinal) == true || IsSqlite(failure, "19"));

    private static bool Any(Exception? error, Func<DbException, bool> says)
    {
        for (; error is not null; error = error.InnerException)
        {
            if (error is DbException failure && says(failure))
                return true;
        }

        return false;
    }

    /// <summary>SQLite's driver gives its code in the message alone, as long as one does not know its types: "SQLite Error 5: 'database is locked'."</summary>
    private static bool IsSqlite(DbException error, params ReadOnlySpan<string> codes)
    {
        const string Start = "SQLite Error ";
        if (error.SqlState is not null || !error.Message.StartsWith(Start, StringComparison.Ordinal))
            return false;
        var rest = error.Message.AsSpan(Start.Length);
        var code = rest[..Math.Max(rest.IndexOf(':'), 0)];
        foreach (var wanted in codes)
        {
            if (code.SequenceEqual(wanted))
                return true;
        }

        return false;
    }
}
