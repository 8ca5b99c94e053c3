using System.Text;

namespace Databus.Proofs.BadInput;

/// <summary>A request as bytes, so that nothing on this side repairs it.</summary>
/// <param name="Method">The verb.</param>
/// <param name="Target">Path and query, already escaped or not.</param>
/// <param name="Headers">As they are to be sent, the host and the length not among them.</param>
/// <param name="Body">The body; null: none, and no length either.</param>
internal sealed record RawRequest(string Method, string Target, IReadOnlyList<(string Name, string Value)> Headers, byte[]? Body)
{
    /// <summary>It waits for what comes, so it may rightly stay without an answer.</summary>
    public bool MayWait => Target.Contains("fetch", StringComparison.OrdinalIgnoreCase);

    public byte[] ToBytes(string host)
    {
        var head = new StringBuilder().Append(Method).Append(' ').Append(Target).Append(" HTTP/1.1\r\n");
        if (!Headers.Any(header => header.Name == "Host"))
            head.Append("Host: ").Append(host).Append("\r\n");
        foreach (var (name, value) in Headers)
            head.Append(name).Append(": ").Append(value).Append("\r\n");
        if (Body is not null)
            head.Append("Content-Length: ").Append(Body.Length).Append("\r\n");
        head.Append("\r\n");
        return [.. Encoding.Latin1.GetBytes(head.ToString()), .. Body ?? []];
    }

    public override string ToString()
    {
        var text = Encoding.Latin1.GetString(ToBytes("HOST"));
        return text.Length <= 1500 ? text : $"{text[..1500]}… ({text.Length} bytes)";
    }
}
