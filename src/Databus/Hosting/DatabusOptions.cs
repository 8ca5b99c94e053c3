namespace Databus.Hosting;

/// <summary>How Databus behaves inside its process.</summary>
public sealed class DatabusOptions
{
    /// <summary>The exit code of a process that stopped because its store failed.</summary>
    public const int StoreFailedExitCode = 70;

    /// <summary>
    /// Called once, on the store's own thread, when the store can no longer vouch for what is on disk (P10). From then
    /// on nothing is answered with success. Default: ends the process at once with exit code 70, because whatever
    /// the process still does would rest on data that may not be there.
    /// </summary>
    public Action<Exception> StoreFailed { get; set; } = _ => Environment.Exit(StoreFailedExitCode);
}
