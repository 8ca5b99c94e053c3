using System.Runtime.CompilerServices;
using Microsoft.Data.Sqlite;

namespace Databus.Sqlite;

/// <summary>One connection with the statements it has prepared.</summary>
internal sealed class Connection : IDisposable
{
    private readonly Dictionary<string, Statement> _statements = new(ByReference.Instance);

    private Connection(SqliteConnection link) => Link = link;

    public SqliteConnection Link { get; }

    /// <summary>The prepared statement of this SQL, which must be a literal: it is found by reference.</summary>
    public Statement this[string sql]
    {
        get
        {
            if (!_statements.TryGetValue(sql, out var statement))
                _statements[sql] = statement = new Statement(Link, sql);
            return statement;
        }
    }

    /// <summary>The only connection that writes and makes checkpoints.</summary>
    public static Connection OpenWriter(string file) => Open(file, SqliteOpenMode.ReadWriteCreate,
        """
        PRAGMA journal_mode = WAL;
        PRAGMA synchronous = FULL;          -- each commit is synced (P1); NORMAL would lose commits at power loss
        PRAGMA wal_autocheckpoint = 0;      -- the writer makes checkpoints itself, after it has answered
        PRAGMA journal_size_limit = 67108864;
        PRAGMA busy_timeout = 100;          -- how long a checkpoint waits for readers so that the log can start over
        PRAGMA secure_delete = OFF;
        PRAGMA mmap_size = 0;
        PRAGMA cache_size = -32768;
        PRAGMA temp_store = MEMORY;
        PRAGMA foreign_keys = OFF;
        """);

    public static Connection OpenReader(string file) => Open(file, SqliteOpenMode.ReadWrite,
        """
        PRAGMA query_only = ON;
        PRAGMA mmap_size = 0;
        PRAGMA cache_size = -4096;
        PRAGMA temp_store = MEMORY;
        PRAGMA wal_autocheckpoint = 0;
        """);

    public void Dispose()
    {
        foreach (var statement in _statements.Values)
            statement.Dispose();
        Link.Dispose();
    }

    private static Connection Open(string file, SqliteOpenMode mode, string settings)
    {
        _ = SqliteLibrary.Version;
        var link = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = file,
            Mode = mode,
            Pooling = false,
            DefaultTimeout = 10,
        }.ToString());
        try
        {
            link.Open();
            using var command = link.CreateCommand();
            command.CommandText = settings;
            command.ExecuteNonQuery();
            return new Connection(link);
        }
        catch
        {
            link.Dispose();
            throw;
        }
    }

    private sealed class ByReference : IEqualityComparer<string>
    {
        public static readonly ByReference Instance = new();

        public bool Equals(string? x, string? y) => ReferenceEquals(x, y);

        public int GetHashCode(string text) => RuntimeHelpers.GetHashCode(text);
    }
}
