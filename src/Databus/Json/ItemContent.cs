using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace Databus.Json;

/// <summary>The content of an item: one JSON object with at least one member.</summary>
internal readonly struct ItemContent
{
    private ItemContent(byte[] utf8, ContentDigest digest)
    {
        Utf8 = utf8;
        Digest = digest;
    }

    /// <summary>
    /// The object as it was sent, without white space outside strings; order of members, numbers and escapes are kept.
    /// </summary>
    public byte[] Utf8 { get; }

    /// <summary>The SHA-256 of the object's canonical form: equal for all spellings of the same object.</summary>
    public ContentDigest Digest { get; }

    /// <summary>Reads what a sender sent. Bad input of any kind is an error, never an exception.</summary>
    public static bool TryParse(
        ReadOnlySpan<byte> utf8,
        out ItemContent content,
        [NotNullWhen(false)] out JsonError? error)
    {
        content = default;
        if (utf8.IndexOfAnyExcept(" \t\r\n"u8) < 0)
        {
            error = JsonError.EmptyContent;
            return false;
        }

        var writer = CanonicalJsonWriter.OfThisThread;
        error = writer.Write(utf8) ?? Judge(writer);
        if (error is null)
            content = new(writer.Compact.ToArray(), ContentDigest.Of(writer.Canonical));
        writer.Trim();
        return error is null;
    }

    private static JsonError? Judge(CanonicalJsonWriter writer)
    {
        if (writer.RootKind != JsonValueKind.Object)
            return JsonError.NotAnObject(writer.RootKind);
        return writer.Compact.SequenceEqual("{}"u8) ? JsonError.EmptyContent : null;
    }
}
