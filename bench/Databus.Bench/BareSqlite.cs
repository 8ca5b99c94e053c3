using Microsoft.Data.Sqlite;

namespace Databus.Bench;

/// <summary>The baseline of the store: the same driver, library, settings and tables, and nothing around them.</summary>
internal sealed class BareSqlite : IDisposable
{
    private readonly SqliteConnection _connection;
    private readonly SqliteCommand _begin;
    private readonly SqliteCommand _commit;
    private readonly SqliteCommand _insertKey;
    private readonly SqliteCommand _insertItem;
    private long _id;

    public BareSqlite(string folder)
    {
        _ = Sqlite.SqliteLibrary.Version;
        _connection = new SqliteConnection($"Data Source={Path.Combine(folder, "bare.db")};Pooling=False");
        _connection.Open();
        Command(
            """
            PRAGMA journal_mode = WAL;
            PRAGMA synchronous = FULL;
            PRAGMA cache_size = -32768;
            CREATE TABLE items (row_id INTEGER PRIMARY KEY, key TEXT, content BLOB NOT NULL, source TEXT, added_at INTEGER NOT NULL);
            CREATE TABLE keys (topic_id INTEGER NOT NULL, key_hash BLOB NOT NULL, item_id INTEGER NOT NULL, expires_at INTEGER NOT NULL,
                PRIMARY KEY (topic_id, key_hash)) WITHOUT ROWID;
            CREATE TABLE deliveries (subscription_id INTEGER NOT NULL, item_id INTEGER NOT NULL, due_at INTEGER NOT NULL,
                PRIMARY KEY (subscription_id, item_id)) WITHOUT ROWID;
            """).ExecuteNonQuery();
        _begin = Command("BEGIN IMMEDIATE");
        _commit = Command("COMMIT");
        _insertKey = Command("INSERT INTO keys VALUES ($topic, $hash, $item, $expires)", "$topic", "$hash", "$item", "$expires");
        _insertItem = Command("INSERT INTO items VALUES ($row, $key, $content, $source, $now)", "$row", "$key", "$content", "$source", "$now");
    }

    public void Begin() => _begin.ExecuteNonQuery();

    public void Commit() => _commit.ExecuteNonQuery();

    public void Insert(byte[] hash, byte[] content)
    {
        _id++;
        _insertKey.Parameters[0].Value = 1L;
        _insertKey.Parameters[1].Value = hash;
        _insertKey.Parameters[2].Value = _id;
        _insertKey.Parameters[3].Value = long.MaxValue;
        _insertKey.ExecuteNonQuery();
        _insertItem.Parameters[0].Value = _id;
        _insertItem.Parameters[2].Value = content;
        _insertItem.Parameters[4].Value = _id;
        _insertItem.ExecuteNonQuery();
    }

    /// <summary>Reads items and leases each in one transaction, and ends the leases in another.</summary>
    public int LeaseAndEnd(long after, int count)
    {
        using var select = Command("SELECT row_id, content FROM items WHERE row_id > $after ORDER BY row_id LIMIT $count", "$after", "$count");
        using var lease = Command("INSERT INTO deliveries VALUES (1, $item, 0)", "$item");
        using var end = Command("DELETE FROM deliveries WHERE subscription_id = 1 AND item_id = $item", "$item");
        select.Parameters[0].Value = after;
        select.Parameters[1].Value = (long)count;
        var ids = new List<long>();
        Begin();
        using (var rows = select.ExecuteReader())
        {
            while (rows.Read())
            {
                _ = rows.GetFieldValue<byte[]>(1);
                ids.Add(rows.GetInt64(0));
            }
        }

        foreach (var id in ids)
        {
            lease.Parameters[0].Value = id;
            lease.ExecuteNonQuery();
        }

        Commit();
        Begin();
        foreach (var id in ids)
        {
            end.Parameters[0].Value = id;
            end.ExecuteNonQuery();
        }

        Commit();
        return ids.Count;
    }

    public void Dispose() => _connection.Dispose();

    private SqliteCommand Command(string sql, params ReadOnlySpan<string> parameters)
    {
        var command = _connection.CreateCommand();
        command.CommandText = sql;
        foreach (var name in parameters)
            command.Parameters.AddWithValue(name, DBNull.Value);
        return command;
    }
}
