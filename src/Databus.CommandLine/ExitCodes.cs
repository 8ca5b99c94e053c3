namespace Databus.CommandLine;

/// <summary>What a command's exit code says. Scripts rely on it: a number never changes its meaning.</summary>
internal static class ExitCodes
{
    public const int Ok = 0;

    /// <summary>Something failed.</summary>
    public const int Failed = 1;

    /// <summary>The command line itself is wrong; nothing was attempted.</summary>
    public const int WrongUsage = 2;

    public const int Interrupted = 130;
}
