using System.Text;
using Databus.Storage;
using Npgsql;

namespace Databus.Postgres;

/// <summary>Statements and their values. <c>$1</c> in the SQL is the first value.</summary>
internal static class Sql
{
    public static NpgsqlCommand Command(this NpgsqlConnection connection, string sql, params ReadOnlySpan<object?> values)
    {
        var command = new NpgsqlCommand(sql, connection);
        Bind(command.Parameters, values);
        return command;
    }

    /// <summary>One more statement of a batch; all of them take one round trip.</summary>
    public static NpgsqlBatch With(this NpgsqlBatch batch, string sql, params ReadOnlySpan<object?> values)
    {
        var command = new NpgsqlBatchCommand(sql);
        Bind(command.Parameters, values);
        batch.BatchCommands.Add(command);
        return batch;
    }

    public static async Task<int> RunAsync(this NpgsqlCommand command, CancellationToken cancellationToken)
    {
        await using (command)
            return await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>The first column of the first row; null when there is no row or it holds NULL.</summary>
    public static async Task<object?> ValueAsync(this NpgsqlCommand command, CancellationToken cancellationToken)
    {
        await using (command)
            return await command.ExecuteScalarAsync(cancellationToken) is { } value and not DBNull ? value : null;
    }

    /// <summary>All rows, each read by <paramref name="read"/>.</summary>
    public static async Task<List<T>> RowsAsync<T>(this NpgsqlCommand command, Func<NpgsqlDataReader, T> read, CancellationToken cancellationToken)
    {
        await using (command)
        {
            await using var rows = await command.ExecuteReaderAsync(cancellationToken);
            return await rows.RestAsync(read, cancellationToken);
        }
    }

    /// <summary>The rows of the result the reader is at.</summary>
    public static async Task<List<T>> RestAsync<T>(this NpgsqlDataReader rows, Func<NpgsqlDataReader, T> read, CancellationToken cancellationToken)
    {
        var all = new List<T>();
        while (await rows.ReadAsync(cancellationToken))
            all.Add(read(rows));
        return all;
    }

    public static string? Text(this NpgsqlDataReader rows, int column) => rows.IsDBNull(column) ? null : rows.GetString(column);

    public static long? Number(this NpgsqlDataReader rows, int column) => rows.IsDBNull(column) ? null : rows.GetInt64(column);

    public static DateTimeOffset Time(this NpgsqlDataReader rows, int column) => Times.FromColumn(rows.GetInt64(column));

    public static DateTimeOffset? MaybeTime(this NpgsqlDataReader rows, int column) => rows.Number(column) is { } time ? Times.FromColumn(time) : null;

    /// <summary>Text as the database can hold it: without NUL and halves of characters.</summary>
    public static string? ToColumn(this string? text)
    {
        if (text is null || text.AsSpan().IndexOfAnyInRange('\uD800', '\uDFFF') < 0)
            return text?.Replace('\0', '\uFFFD');
        return Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text)).Replace('\0', '\uFFFD');
    }

    private static void Bind(NpgsqlParameterCollection parameters, ReadOnlySpan<object?> values)
    {
        foreach (var value in values)
            parameters.Add(new NpgsqlParameter { Value = value ?? DBNull.Value });
    }
}
