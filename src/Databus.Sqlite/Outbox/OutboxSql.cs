using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.Data.Sqlite;

namespace Databus.Sqlite.Outbox;

/// <summary>Statements of the outbox and their values, which are given in the order in which their <c>$names</c> first appear.</summary>
internal static partial class OutboxSql
{
    /// <summary>A command in the connection's transaction, if it has one.</summary>
    public static SqliteCommand Command(this SqliteConnection connection, string sql, params ReadOnlySpan<object?> values)
    {
        var command = connection.CreateCommand();
        command.CommandText = sql;
        var at = 0;
        foreach (var name in ParameterName().Matches(sql).Select(match => match.Value).Distinct(StringComparer.Ordinal))
            command.Parameters.AddWithValue(name, values[at++] ?? DBNull.Value);
        return command;
    }

    public static int Run(this SqliteCommand command)
    {
        using (command)
            return command.ExecuteNonQuery();
    }

    /// <summary>The first column of the first row; null when there is no row or it holds NULL.</summary>
    public static object? Value(this SqliteCommand command)
    {
        using (command)
            return command.ExecuteScalar() is { } value and not DBNull ? value : null;
    }

    public static List<T> Rows<T>(this SqliteCommand command, Func<SqliteDataReader, T> read)
    {
        using (command)
        {
            using var rows = command.ExecuteReader();
            var all = new List<T>();
            while (rows.Read())
                all.Add(read(rows));
            return all;
        }
    }

    public static string? Text(this SqliteDataReader rows, int column) => rows.IsDBNull(column) ? null : rows.GetString(column);

    public static List<long> FromJson(string ids)
    {
        using var json = JsonDocument.Parse(ids);
        return [.. json.RootElement.EnumerateArray().Select(id => id.GetInt64())];
    }

    /// <summary>An id as it stands in the tables.</summary>
    public static string ToColumn(this Guid id) => id.ToString("D");

    [GeneratedRegex(@"\$\w+", RegexOptions.NonBacktracking)]
    private static partial Regex ParameterName();
}
