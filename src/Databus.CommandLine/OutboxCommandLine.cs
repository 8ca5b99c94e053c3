using Microsoft.Extensions.Hosting;

namespace Databus.CommandLine;

public static class OutboxCommandLine
{
    /// <summary>
    /// Runs the application, or one of the outbox's commands where the first argument is <c>outbox</c>: <c>flush</c>, <c>flush-many</c>,
    /// <c>flush-ordered</c>, <c>types</c>, <c>pending</c>, <c>parked</c> and <c>replay</c>; <c>outbox --help</c> says more. A command does
    /// not start the application: nothing listens, and nothing runs in the background.
    /// </summary>
    /// <returns>
    /// The exit code. 0: done. 1: something failed, for example a message that could not be sent. 2: wrong usage, nothing was attempted.
    /// 130: interrupted.
    /// </returns>
    /// <example>
    /// <code>
    /// return await builder.Build().RunWithOutboxCommandsAsync(args);
    /// </code>
    /// </example>
    public static async Task<int> RunWithOutboxCommandsAsync(this IHost host, string[] args, CancellationToken cancellationToken = default)
    {
        if (args is not [OutboxCommand.Name, ..])
        {
            await host.RunAsync(cancellationToken);
            return ExitCodes.Ok;
        }

        try
        {
            return await OutboxCommand.RunAsync(host.Services, args, Console.Out, Console.Error, cancellationToken);
        }
        finally
        {
            if (host is IAsyncDisposable disposable)
                await disposable.DisposeAsync();
            else
                host.Dispose();
        }
    }
}
