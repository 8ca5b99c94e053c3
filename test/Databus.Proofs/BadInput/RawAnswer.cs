namespace Databus.Proofs.BadInput;

/// <summary>The head of an answer and, where it ends, its body.</summary>
/// <param name="Status">The status; 0: the connection was closed without an answer, -1: none came in time.</param>
/// <param name="Headers">By name, in lower case.</param>
/// <param name="Body">As text.</param>
internal sealed record RawAnswer(int Status, IReadOnlyDictionary<string, string> Headers, string Body)
{
    public const int Closed = 0;
    public const int Late = -1;

    public string? Header(string name) => Headers.GetValueOrDefault(name);

    public bool IsProblem => Header("content-type")?.StartsWith("application/problem+json", StringComparison.Ordinal) == true;
}
