namespace Databus.Testing.Servers;

/// <summary>
/// The PostgreSQL servers of a test process. Each starts when the first test asks for it and ends with the process; each test
/// takes a database of its own from it. Tests that stop or slow down the server start one for themselves.
/// </summary>
public static class SharedPostgres
{
    private static readonly Lazy<Task<PostgresServer>> Quick = new(() => StartAsync(new() { Fsync = false }));
    private static readonly Lazy<Task<PostgresServer>> Durable = new(() => StartAsync(new()));

    /// <summary>Its commits do not wait for the disk.</summary>
    public static Task<PostgresServer> GetAsync() => Quick.Value;

    /// <summary>Set up as one that is in use: for whole programs, and for what they say of the server they run on.</summary>
    public static Task<PostgresServer> GetDurableAsync() => Durable.Value;

    private static async Task<PostgresServer> StartAsync(PostgresSettings settings)
    {
        var server = await PostgresServer.StartAsync(settings);
        // The server would end with this process by itself; its folder would stay.
        AppDomain.CurrentDomain.ProcessExit += (_, _) => server.DisposeAsync().AsTask().GetAwaiter().GetResult();
        return server;
    }
}
