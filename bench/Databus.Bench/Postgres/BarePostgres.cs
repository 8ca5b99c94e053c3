using System.Diagnostics;
using System.Security.Cryptography;
using Npgsql;

namespace Databus.Bench.Postgres;

/// <summary>The baseline of the shared store: one connection, one table with a unique key, one INSERT … ON CONFLICT a batch.</summary>
internal sealed class BarePostgres(string connectionString) : IAsyncDisposable
{
    private readonly NpgsqlConnection _connection = new(connectionString);

    public async Task CreateAsync()
    {
        await _connection.OpenAsync();
        await using var create = new NpgsqlCommand(
            """
            CREATE TABLE bare (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key_hash uuid NOT NULL UNIQUE, content bytea NOT NULL, added_at bigint NOT NULL)
            """, _connection);
        await create.ExecuteNonQueryAsync();
    }

    /// <summary>Rows a second, each batch committed and synced. The rows are there before the time starts.</summary>
    public async Task<double> InsertAsync(int rows, int batch)
    {
        await using var insert = new NpgsqlCommand(
            "INSERT INTO bare (key_hash, content, added_at) SELECT h, c, $3 FROM unnest($1::uuid[], $2::bytea[]) t(h, c) ON CONFLICT DO NOTHING",
            _connection);
        insert.Parameters.AddRange(new NpgsqlParameter[] { new() { Value = Array.Empty<Guid>() }, new() { Value = Array.Empty<byte[]>() }, new() { Value = 0L } });
        await insert.PrepareAsync();
        var ready = Enumerable.Range(0, rows).Select(_ => Listings.Next()).Chunk(batch)
            .Select(some => (Hashes: some.Select(content => new Guid(SHA256.HashData(content).AsSpan(0, 16), bigEndian: true)).ToArray(), Contents: some)).ToList();
        var started = Stopwatch.GetTimestamp();
        foreach (var (hashes, contents) in ready)
        {
            insert.Parameters[0].Value = hashes;
            insert.Parameters[1].Value = contents;
            await insert.ExecuteNonQueryAsync();
        }

        return rows / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    public ValueTask DisposeAsync() => _connection.DisposeAsync();
}
