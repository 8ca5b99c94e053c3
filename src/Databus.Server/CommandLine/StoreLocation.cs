namespace Databus.Server.CommandLine;

/// <summary>The kinds of store there are.</summary>
internal enum StoreKind
{
    /// <summary>One file in a folder, for one process.</summary>
    Sqlite,

    /// <summary>A PostgreSQL database, for any number of processes.</summary>
    Postgres,
}

/// <summary>Which store. As text it names the place and never the password.</summary>
internal sealed record StoreLocation
{
    /// <summary>What <c>--store</c> says when nothing else is said.</summary>
    public const string Default = "sqlite";

    private StoreLocation(StoreKind kind, string dataDirectory, string? url)
    {
        Kind = kind;
        DataDirectory = dataDirectory;
        Url = url;
    }

    public StoreKind Kind { get; }

    /// <summary>The folder of a SQLite store; of no meaning to another.</summary>
    public string DataDirectory { get; }

    /// <summary>The address of a PostgreSQL database, with its password; null for a SQLite store.</summary>
    public string? Url { get; }

    /// <summary>
    /// Where a server that has a SQLite store open answers on the same machine, without a token. Null: any number of servers
    /// may have the store open.
    /// </summary>
    public string? ControlSocket => Kind == StoreKind.Sqlite ? Path.Combine(DataDirectory, "databus.sock") : null;

    /// <summary>Reads the kind of store off what <c>--store</c> says.</summary>
    /// <exception cref="CommandFailure">There is no such kind.</exception>
    public static StoreLocation Read(string store, string dataDirectory)
    {
        if (store == Default)
            return new StoreLocation(StoreKind.Sqlite, dataDirectory, url: null);
        if (store.StartsWith("postgres://", StringComparison.Ordinal) || store.StartsWith("postgresql://", StringComparison.Ordinal))
            return new StoreLocation(StoreKind.Postgres, dataDirectory, store);

        // Only what stands before an address can be shown: behind it may be a password.
        int scheme = store.IndexOf(':', StringComparison.Ordinal);
        string shown = scheme < 0 ? store : store[..scheme];
        throw new CommandFailure(
            ExitCodes.WrongUsage, $"A store is sqlite or postgres://user:password@host:port/database, not '{shown}'.");
    }

    public override string ToString() => Kind switch
    {
        StoreKind.Sqlite => $"SQLite in {Path.GetFullPath(DataDirectory)}",
        _ => Uri.TryCreate(Url, UriKind.Absolute, out Uri? url)
            ? $"PostgreSQL at {url.Authority[(url.Authority.LastIndexOf('@') + 1)..]}{url.AbsolutePath}"
            : "PostgreSQL",
    };
}
