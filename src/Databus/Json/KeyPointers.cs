using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Databus.Json;

/// <summary>The rule of a topic that takes an item's key from its content.</summary>
/// <remarks>
/// With one pointer the key is the canonical JSON of the value it leads to (<c>5668626895</c>, <c>"abc"</c>); with several
/// it is the canonical JSON array of their values (<c>["a",1]</c>). A null is a value like any other.
/// </remarks>
internal sealed class KeyPointers
{
    /// <summary>The longest key, in bytes of UTF-8.</summary>
    public const int MaxKeyBytes = 1024;

    /// <summary>The most pointers in one rule.</summary>
    public const int MaxPointers = 16;

    private readonly JsonPointer[] _pointers;

    private KeyPointers(JsonPointer[] pointers) => _pointers = pointers;

    public IReadOnlyList<JsonPointer> Pointers => _pointers;

    /// <summary>Reads a rule.</summary>
    /// <param name="texts">1 to <see cref="MaxPointers"/> different pointers.</param>
    /// <param name="error">A sentence that says what is wrong with the rule.</param>
    public static bool TryParse(
        IReadOnlyList<string> texts,
        [NotNullWhen(true)] out KeyPointers? pointers,
        [NotNullWhen(false)] out string? error)
    {
        pointers = null;
        if (texts.Count is 0 or > MaxPointers)
        {
            error = $"A key is taken from 1 to {MaxPointers} JSON pointers, got {texts.Count}";
            return false;
        }

        var parsed = new JsonPointer[texts.Count];
        for (var i = 0; i < parsed.Length; i++)
        {
            if (!JsonPointer.TryParse(texts[i], out var pointer, out error))
                return false;
            parsed[i] = pointer;
        }

        var repeated = texts.GroupBy(text => text, StringComparer.Ordinal).FirstOrDefault(group => group.Skip(1).Any());
        if (repeated is not null)
        {
            error = $"The JSON pointer \"{JsonError.Quoted(repeated.Key)}\" is given twice";
            return false;
        }

        pointers = new(parsed);
        error = null;
        return true;
    }

    /// <summary>The key of an item, or why it has none.</summary>
    public bool TryGetKey(
        in ItemContent content,
        [NotNullWhen(true)] out string? key,
        [NotNullWhen(false)] out JsonError? error)
    {
        Span<byte> text = stackalloc byte[MaxKeyBytes];
        var length = 0;
        key = null;
        error = _pointers.Length == 1
            ? AppendValue(_pointers[0], content, text, ref length)
            : AppendArray(content, text, ref length);
        if (error is not null)
            return false;
        key = Encoding.UTF8.GetString(text[..length]);
        return true;
    }

    private JsonError? AppendArray(in ItemContent content, Span<byte> text, ref int length)
    {
        for (var i = 0; i < _pointers.Length; i++)
        {
            var error = Append(i == 0 ? "["u8 : ","u8, text, ref length) ?? AppendValue(_pointers[i], content, text, ref length);
            if (error is not null)
                return error;
        }

        return Append("]"u8, text, ref length);
    }

    private static JsonError? AppendValue(JsonPointer pointer, in ItemContent content, Span<byte> text, ref int length)
    {
        if (!pointer.TryFind(content.Utf8, out var value))
            return JsonError.KeyMissing(pointer);
        var writer = CanonicalJsonWriter.OfThisThread;
        var error = writer.Write(value);
        Debug.Assert(error is null, "A part of an item's content is as valid as the whole.");
        error = Append(writer.Canonical, text, ref length);
        writer.Trim();
        return error;
    }

    private static JsonError? Append(ReadOnlySpan<byte> part, Span<byte> text, ref int length)
    {
        if (!part.TryCopyTo(text[length..]))
            return JsonError.KeyTooLong;
        length += part.Length;
        return null;
    }
}
