namespace Databus.Server.CommandLine.Input;

/// <summary>How far a file has come, and which file, read in which way, to which topic of which server.</summary>
/// <remarks>Any difference in what identifies the work makes the place meaningless, and the file starts again.</remarks>
internal sealed record Progress(
    string PathHash,
    long Length,
    DateTime ModifiedAt,
    string Server,
    string Topic,
    string Reading,
    InputPosition Position,
    IReadOnlyList<string>? Columns)
{
    /// <summary>Whether the two are the same work, however far each has come.</summary>
    public bool IsSameWorkAs(Progress other) =>
        this with { Position = default, Columns = null } == other with { Position = default, Columns = null };
}
