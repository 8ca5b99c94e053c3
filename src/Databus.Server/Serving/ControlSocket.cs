using Databus.Server.CommandLine;

namespace Databus.Server.Serving;

/// <summary>
/// The socket in the data directory through which the owner's command line talks to a running server without a token.
/// Whoever can enter the directory can read the database anyway.
/// </summary>
internal sealed class ControlSocket(string path) : IHostedLifecycleService
{
    // The kernel's limit is 108 bytes with the ending zero.
    private const int LongestPath = 107;

    /// <summary>The socket of this store; null where there is none, or cannot be, because the path is too long.</summary>
    public static ControlSocket? Of(StoreLocation store) =>
        store.ControlSocket is { } path && Path.GetFullPath(path) is { Length: <= LongestPath } full ? new ControlSocket(full) : null;

    public string Url => $"http://unix:{path}";

    /// <summary>
    /// Removes what a killed server left, so that the new one can listen. Runs after the store was opened: from then on no
    /// other server has this directory.
    /// </summary>
    public Task StartingAsync(CancellationToken cancellationToken)
    {
        File.Delete(path);
        return Task.CompletedTask;
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken)
    {
        File.Delete(path);
        return Task.CompletedTask;
    }
}
