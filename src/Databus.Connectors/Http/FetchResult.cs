namespace Databus.Connectors.Http;

/// <summary>How a fetch ended: <see cref="FetchAnswer"/> or <see cref="FetchFailure"/>.</summary>
internal abstract record FetchResult;

/// <summary>The fetch brought no answer, or none that may be used.</summary>
/// <param name="Reason">One plain sentence for the operator.</param>
/// <param name="IsFinal">The guard or a limit said no, so asking again brings nothing else.</param>
internal sealed record FetchFailure(string Reason, bool IsFinal = false) : FetchResult
{
    /// <summary>The server has not seen the request: no connection could be made, or none may be.</summary>
    public bool IsUnreachable { get; init; }
}

/// <summary>A complete answer, whatever its status. What is got has its body read with a 200 alone; of what is posted, errors have the beginning of theirs.</summary>
/// <param name="Address">Where the answer came from, after redirects.</param>
internal sealed record FetchAnswer(
    int Status, Uri Address, IReadOnlyDictionary<string, string> Headers, ReadOnlyMemory<byte> Body) : FetchResult
{
    /// <summary>The address that replaces the one asked for, when every redirect on the way was permanent; else null.</summary>
    public Uri? MovedTo { get; init; }

    /// <summary>Whether a temporary redirect was followed, so that the answer does not speak for the address asked for.</summary>
    public bool Detoured { get; init; }

    public string? Header(string name) => Headers.GetValueOrDefault(name);
}
