using System.Diagnostics;
using System.Text;
using Npgsql;

namespace Databus.Bench.Outbox;

/// <summary>
/// The baseline of a flush, as it is usually written: claim a batch with FOR UPDATE SKIP LOCKED, publish it while the transaction is
/// open, delete it, commit. On a table with what a message needs and no index but its keys.
/// </summary>
internal sealed class BareOutbox(string connectionString, int batch) : IAsyncDisposable
{
    private readonly NpgsqlConnection _connection = new(connectionString);

    public async Task CreateAsync()
    {
        await _connection.OpenAsync();
        await ExecuteAsync("CREATE TABLE bare_outbox (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, message_id uuid NOT NULL UNIQUE, type text NOT NULL, content text NOT NULL)");
    }

    public async Task FillAsync(string rows)
    {
        await ExecuteAsync($"INSERT INTO bare_outbox (message_id, type, content) {rows}");
        await ExecuteAsync("VACUUM ANALYZE bare_outbox");
        await ExecuteAsync("CHECKPOINT");
    }

    /// <summary>Messages a second until there is none.</summary>
    public async Task<double> DrainAsync(Func<IReadOnlyList<(Guid Id, byte[] Content)>, Task> publish)
    {
        await using var claim = new NpgsqlCommand("SELECT id, message_id, content FROM bare_outbox ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED", _connection)
        {
            Parameters = { new() { Value = batch } },
        };
        await using var delete = new NpgsqlCommand("DELETE FROM bare_outbox WHERE id = ANY ($1)", _connection) { Parameters = { new() { Value = Array.Empty<long>() } } };
        await claim.PrepareAsync();
        await delete.PrepareAsync();
        var (count, started) = (0, Stopwatch.GetTimestamp());
        while (true)
        {
            await using var transaction = await _connection.BeginTransactionAsync();
            var (ids, messages) = (new List<long>(batch), new List<(Guid, byte[])>(batch));
            await using (var rows = await claim.ExecuteReaderAsync())
            {
                while (await rows.ReadAsync())
                {
                    ids.Add(rows.GetInt64(0));
                    messages.Add((rows.GetGuid(1), Encoding.UTF8.GetBytes(rows.GetString(2))));
                }
            }

            if (ids.Count == 0)
                return count / Stopwatch.GetElapsedTime(started).TotalSeconds;
            await publish(messages);
            delete.Parameters[0].Value = ids.ToArray();
            await delete.ExecuteNonQueryAsync();
            await transaction.CommitAsync();
            count += ids.Count;
        }
    }

    public ValueTask DisposeAsync() => _connection.DisposeAsync();

    private async Task ExecuteAsync(string sql)
    {
        await using var command = new NpgsqlCommand(sql, _connection) { CommandTimeout = 120 };
        await command.ExecuteNonQueryAsync();
    }
}
