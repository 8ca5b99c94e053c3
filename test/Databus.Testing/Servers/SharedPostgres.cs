namespace Databus.Testing.Servers;

/// <summary>
/// The one PostgreSQL server of a test process. It starts when the first test asks for it and ends with the process; each
/// test takes a database of its own from it. Tests that stop or slow down the server start one for themselves.
/// </summary>
public static class SharedPostgres
{
    private static readonly Lazy<Task<PostgresServer>> Server = new(StartAsync);

    public static Task<PostgresServer> GetAsync() => Server.Value;

    private static async Task<PostgresServer> StartAsync()
    {
        var server = await PostgresServer.StartAsync(settings: null);
        // The server would end with this process by itself; its folder would stay.
        AppDomain.CurrentDomain.ProcessExit += (_, _) => server.DisposeAsync().AsTask().GetAwaiter().GetResult();
        return server;
    }
}
