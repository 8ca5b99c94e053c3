using System.Diagnostics;
using System.Text;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace Databus.Bench.Jobs;

/// <summary>The baseline of jobs: one connection that claims some hundred rows by SKIP LOCKED, and completes them, and nothing else.</summary>
internal static class BareJobs
{
    private const int Batch = 500;

    public static async Task<double> OnPostgresAsync(string connectionString, int jobs)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        await using (var create = new NpgsqlCommand(
            """
            DROP TABLE IF EXISTS bare_jobs;
            CREATE TABLE bare_jobs (
                id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, state smallint NOT NULL, arguments bytea NOT NULL, attempt integer NOT NULL, result bytea,
                started_at bigint, ended_at bigint) WITH (fillfactor = 70);
            CREATE INDEX ON bare_jobs (id) WHERE state = 0;
            """, connection))
        {
            await create.ExecuteNonQueryAsync();
        }

        await using (var fill = new NpgsqlCommand(
            "INSERT INTO bare_jobs (state, arguments, attempt) SELECT 0, convert_to('{\"Number\":' || n || '}', 'UTF8'), 0 FROM generate_series(1, $1) n", connection))
        {
            fill.Parameters.Add(new() { Value = jobs });
            await fill.ExecuteNonQueryAsync();
        }

        await using var claim = new NpgsqlCommand(
            """
            WITH due AS (SELECT id FROM bare_jobs WHERE state = 0 ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED)
            UPDATE bare_jobs j SET state = 1, attempt = attempt + 1, started_at = $2 FROM due WHERE j.id = due.id RETURNING j.id, j.arguments
            """, connection);
        claim.Parameters.AddRange(new NpgsqlParameter[] { new() { Value = Batch }, new() { Value = 0L } });
        await claim.PrepareAsync();
        await using var complete = new NpgsqlCommand(
            """
            UPDATE bare_jobs j SET state = 2, result = g.result, ended_at = $3 FROM unnest($1::bigint[], $2::bytea[]) g(id, result) WHERE j.id = g.id
            """, connection);
        complete.Parameters.AddRange(new NpgsqlParameter[] { new() { Value = Array.Empty<long>() }, new() { Value = Array.Empty<byte[]>() }, new() { Value = 0L } });
        await complete.PrepareAsync();

        var started = Stopwatch.GetTimestamp();
        var done = 0;
        while (done < jobs)
        {
            var ids = new List<long>(Batch);
            await using (var rows = await claim.ExecuteReaderAsync())
            {
                while (await rows.ReadAsync())
                {
                    _ = rows.GetFieldValue<byte[]>(1);
                    ids.Add(rows.GetInt64(0));
                }
            }

            complete.Parameters[0].Value = ids;
            complete.Parameters[1].Value = ids.ConvertAll(_ => Encoding.UTF8.GetBytes("{\"Number\":1}"));
            await complete.ExecuteNonQueryAsync();
            done += ids.Count;
        }

        return jobs / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    public static double OnSqlite(string folder, int jobs)
    {
        _ = Sqlite.SqliteLibrary.Version;
        var file = Path.Combine(folder, $"bare-{Guid.NewGuid():n}.db");
        using var connection = new SqliteConnection($"Data Source={file};Pooling=False");
        connection.Open();
        Run(
            connection,
            """
            PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -32768;
            CREATE TABLE bare_jobs (id INTEGER PRIMARY KEY, state INTEGER NOT NULL, arguments BLOB NOT NULL, attempt INTEGER NOT NULL, result BLOB, started_at INTEGER, ended_at INTEGER);
            CREATE INDEX claimable ON bare_jobs (id) WHERE state = 0;
            """);
        Run(connection, $"WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {jobs}) INSERT INTO bare_jobs (state, arguments, attempt) SELECT 0, CAST('{{\"Number\":' || n || '}}' AS BLOB), 0 FROM n");
        using var claim = connection.CreateCommand();
        claim.CommandText = $"UPDATE bare_jobs SET state = 1, attempt = attempt + 1, started_at = 0 WHERE id IN (SELECT id FROM bare_jobs WHERE state = 0 ORDER BY id LIMIT {Batch}) RETURNING id, arguments";
        using var complete = connection.CreateCommand();
        complete.CommandText = "UPDATE bare_jobs SET state = 2, result = $result, ended_at = 0 WHERE id = $id";
        complete.Parameters.AddWithValue("$result", Encoding.UTF8.GetBytes("{\"Number\":1}"));
        var id = complete.Parameters.AddWithValue("$id", 0L);

        var started = Stopwatch.GetTimestamp();
        for (var done = 0; done < jobs;)
        {
            var ids = new List<long>(Batch);
            Run(connection, "BEGIN IMMEDIATE");
            using (var rows = claim.ExecuteReader())
            {
                while (rows.Read())
                {
                    _ = rows.GetFieldValue<byte[]>(1);
                    ids.Add(rows.GetInt64(0));
                }
            }

            Run(connection, "COMMIT");
            Run(connection, "BEGIN IMMEDIATE");
            foreach (var one in ids)
            {
                id.Value = one;
                complete.ExecuteNonQuery();
            }

            Run(connection, "COMMIT");
            done += ids.Count;
        }

        return jobs / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    /// <summary>On a file that nobody else has open.</summary>
    public static void RunOnSqlite(string file, string sql)
    {
        using var connection = new SqliteConnection($"Data Source={file};Pooling=False");
        connection.Open();
        Run(connection, $"BEGIN; {sql}; COMMIT");
    }

    private static void Run(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }
}
