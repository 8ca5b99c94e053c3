namespace Databus.Server.CommandLine;

/// <summary>What the program's exit code says. Scripts rely on it: a number never changes its meaning.</summary>
internal static class ExitCodes
{
    /// <summary>0: everything asked for was done.</summary>
    public const int Ok = 0;

    /// <summary>1: the server said no, a file could not be read or written, or <c>doctor</c> found something broken.</summary>
    public const int Failed = 1;

    /// <summary>2: the command line itself is wrong; nothing was attempted.</summary>
    public const int WrongUsage = 2;

    /// <summary>3: no server answered at the address, or it stopped answering for longer than <c>--retry-for</c>.</summary>
    public const int Unreachable = 3;

    /// <summary>4: the server wants a token, or another one (401, 403).</summary>
    public const int NotAllowed = 4;

    /// <summary>5: done, but some lines were invalid and left out.</summary>
    public const int PartlyDone = 5;

    /// <summary>130: interrupted by Ctrl+C or SIGTERM. What had been acknowledged stays.</summary>
    public const int Interrupted = 130;

    /// <summary>The same for a person who reads the help.</summary>
    public const string Help = """
        Exit codes:
          0  done
          1  failed: the server said no, or doctor found something broken
          2  wrong usage: nothing was attempted
          3  no server answers
          4  not allowed: a token is missing or wrong
          5  partly done: some lines were invalid
          130  interrupted
        """;
}
