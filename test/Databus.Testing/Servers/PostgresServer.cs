using System.Globalization;
using Databus.Testing.Processes;

namespace Databus.Testing.Servers;

/// <summary>
/// A PostgreSQL server of its own, in a folder of its own, on a free port. Whoever connects is trusted, as
/// <c>postgres</c>.
/// </summary>
public sealed class PostgresServer : IAsyncDisposable
{
    private const string FirstDatabase = "databus";

    private readonly TemporaryFolder _folder = new();
    private readonly PostgresSettings _settings;
    private readonly ChildProcess _process;
    private int _databases;

    private PostgresServer(PostgresSettings settings)
    {
        _settings = settings;
        _process = new(Command("postgres", "-D", DataFolder) with { NetworkNamespace = settings.NetworkNamespace });
    }

    public int Port { get; } = LoopbackPort.Find();

    /// <summary>The address clients connect to.</summary>
    public string Host => _settings.Host ?? (_settings.ListenAddresses.Split(',')[0].Trim() is var first and not ("*" or "0.0.0.0") ? first : "127.0.0.1");

    /// <summary>Where its Unix socket is; for psql, this is the host.</summary>
    public string SocketFolder => _folder.Path;

    /// <summary>The id of the process that all others of the server come from.</summary>
    public int ProcessId => _process.Id;

    private string DataFolder => _folder.File("data");

    /// <summary>Starts a server with one empty database, <c>databus</c>.</summary>
    /// <exception cref="InvalidOperationException">PostgreSQL is not installed, or does not start; the message says more.</exception>
    public static async Task<PostgresServer> StartAsync(PostgresSettings? settings = null)
    {
        var server = new PostgresServer(settings ?? new());
        try
        {
            await server.InitializeAsync();
            await server.StartAgainAsync();
            await server.CreateDatabaseAsync(FirstDatabase);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>For Npgsql.</summary>
    public string ConnectionString(string database = FirstDatabase) =>
        string.Create(CultureInfo.InvariantCulture, $"Host={Host};Port={Port};Database={database};Username=postgres");

    public string Url(string database = FirstDatabase) =>
        string.Create(CultureInfo.InvariantCulture, $"postgres://postgres@{Host}:{Port}/{database}");

    /// <summary>Creates an empty database with a name that this server never had, and gives the name.</summary>
    public async Task<string> CreateDatabaseAsync()
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"test_{Interlocked.Increment(ref _databases)}");
        await CreateDatabaseAsync(name);
        return name;
    }

    /// <summary>Drops a database, whoever is connected to it.</summary>
    public Task DropDatabaseAsync(string name) =>
        ExecuteAsync($"DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)", "postgres");

    /// <summary>Ends every connection to a database, and gives how many there were.</summary>
    public async Task<int> TerminateBackendsAsync(string database) => int.Parse(
        await ExecuteAsync(
            $"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{database}' AND pid <> pg_backend_pid()",
            "postgres"),
        CultureInfo.InvariantCulture);

    /// <summary>Runs SQL through psql, and gives what it prints: a line a row, columns separated by a bar.</summary>
    /// <exception cref="InvalidOperationException">The server refused it or is not running; the message holds its own.</exception>
    public Task<string> ExecuteAsync(string sql, string database = FirstDatabase) =>
        Psql.RunAsync(SocketFolder, Port, database, sql);

    /// <summary>Stops without a checkpoint and without a word to the clients, as <c>pg_ctl stop -m immediate</c> does.</summary>
    public Task StopImmediatelyAsync() => _process.EndAsync(Signal.Quit);

    /// <summary>SIGKILL for all its processes: they end where they stand.</summary>
    public Task KillAsync() => _process.KillAsync();

    /// <summary>Starts it on the same data and port. Ends when it answers.</summary>
    public Task StartAgainAsync() => _process.StartAsync(AnswersAsync);

    /// <summary>SIGSTOP for all its processes: connections stay open, and nothing is answered.</summary>
    public void Freeze() => _process.Freeze();

    public void Thaw() => _process.Thaw();

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        _folder.Dispose();
    }

    private ChildCommand Command(string name, params string[] arguments) =>
        new(PostgresPackage.Find(name), arguments, _folder.File("log")) { User = UnprivilegedUser.Postgres };

    private async Task InitializeAsync()
    {
        await UnprivilegedUser.Postgres.OwnAsync(_folder.Path);
        await using var initdb = new ChildProcess(Command(
            "initdb", "--pgdata", DataFolder, "--username", "postgres", "--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8",
            "--no-sync"));
        await initdb.RunAsync();
        await File.AppendAllLinesAsync(Path.Combine(DataFolder, "postgresql.conf"), Configuration());
        await File.AppendAllTextAsync(Path.Combine(DataFolder, "pg_hba.conf"), "host all all all trust\n");
    }

    private IEnumerable<string> Configuration()
    {
        var parameters = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["listen_addresses"] = _settings.ListenAddresses,
            ["port"] = Port.ToString(CultureInfo.InvariantCulture),
            ["unix_socket_directories"] = SocketFolder,
            ["shared_preload_libraries"] = "pg_stat_statements",
            ["max_connections"] = "200",
            ["fsync"] = _settings.Fsync ? "on" : "off",
            // Torn pages come from crashes of the machine, which no run without fsync survives anyway.
            ["full_page_writes"] = _settings.Fsync ? "on" : "off",
        };
        foreach (var (name, value) in _settings.Parameters)
            parameters[name] = value;
        return parameters.Select(parameter => $"{parameter.Key} = '{parameter.Value.Replace("'", "''", StringComparison.Ordinal)}'");
    }

    private Task<string> CreateDatabaseAsync(string name) => ExecuteAsync($"CREATE DATABASE \"{name}\" TEMPLATE template0", "postgres");

    private Task<bool> AnswersAsync() => Psql.AnswersAsync(SocketFolder, Port);
}
