using System.Globalization;
using Databus.Testing.Processes;

namespace Databus.Testing.Servers;

/// <summary>
/// PgBouncer in front of a <see cref="PostgresServer"/>, pooling transactions: consecutive transactions of one client may run
/// on different connections, so whatever lives in a session (LISTEN, advisory locks, prepared statements, SET) is not kept.
/// </summary>
public sealed class PgBouncer : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly PostgresServer _server;
    private readonly ChildProcess _process;

    private PgBouncer(PostgresServer server)
    {
        _server = server;
        _process = new(new(ExternalTool.Find("pgbouncer", "pgbouncer"), [ConfigurationFile], _folder.File("log"))
        {
            User = UnprivilegedUser.Postgres,
        });
    }

    public int Port { get; } = LoopbackPort.Find();

    private string ConfigurationFile => _folder.File("pgbouncer.ini");

    /// <summary>Starts it. It serves every database of the server, also those that are created later.</summary>
    /// <exception cref="InvalidOperationException">PgBouncer is not installed, or does not start; the message says more.</exception>
    public static async Task<PgBouncer> StartAsync(PostgresServer server)
    {
        var bouncer = new PgBouncer(server);
        try
        {
            await bouncer.ConfigureAsync();
            await bouncer.StartAgainAsync();
            return bouncer;
        }
        catch
        {
            await bouncer.DisposeAsync();
            throw;
        }
    }

    /// <inheritdoc cref="PostgresServer.ConnectionString"/>
    public string ConnectionString(string database = "databus") =>
        string.Create(CultureInfo.InvariantCulture, $"Host=127.0.0.1;Port={Port};Database={database};Username=postgres");

    public string Url(string database = "databus") =>
        string.Create(CultureInfo.InvariantCulture, $"postgres://postgres@127.0.0.1:{Port}/{database}");

    /// <inheritdoc cref="PostgresServer.ExecuteAsync"/>
    public Task<string> ExecuteAsync(string sql, string database = "databus") => Psql.RunAsync("127.0.0.1", Port, database, sql);

    public Task KillAsync() => _process.KillAsync();

    /// <summary>Starts it on the same port. Ends when it and the server behind it answer.</summary>
    public Task StartAgainAsync() => _process.StartAsync(AnswersAsync);

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        _folder.Dispose();
    }

    private async Task ConfigureAsync()
    {
        await UnprivilegedUser.Postgres.OwnAsync(_folder.Path);
        await File.WriteAllTextAsync(ConfigurationFile, string.Create(CultureInfo.InvariantCulture, $"""
            [databases]
            * = host={_server.Host} port={_server.Port} user=postgres
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = {Port}
            unix_socket_dir =
            auth_type = any
            pool_mode = transaction
            max_client_conn = 1000
            default_pool_size = 20
            ignore_startup_parameters = extra_float_digits

            """));
    }

    private Task<bool> AnswersAsync() => Psql.AnswersAsync("127.0.0.1", Port);
}
