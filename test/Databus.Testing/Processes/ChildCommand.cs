namespace Databus.Testing.Processes;

/// <summary>How a program is started.</summary>
/// <param name="Program">Its path.</param>
/// <param name="LogFile">What it prints is appended to this file.</param>
public sealed record ChildCommand(string Program, IReadOnlyList<string> Arguments, string LogFile)
{
    /// <summary>Variables beside those of this process.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>Who runs it. The default is who runs this process.</summary>
    public UnprivilegedUser? User { get; init; }

    /// <summary>The network it sees; the default is that of this process. Changing it needs root.</summary>
    public string? NetworkNamespace { get; init; }
}
