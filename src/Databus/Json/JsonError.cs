using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Databus.Json;

internal enum JsonErrorKind
{
    /// <summary>Not JSON as RFC 8259 defines it; a byte order mark at the start counts as such.</summary>
    InvalidJson,

    /// <summary>The bytes are not UTF-8.</summary>
    InvalidUtf8,

    /// <summary>JSON, but not an object; <see cref="JsonError.Found"/> says what.</summary>
    NotAnObject,

    /// <summary>Nothing at all, or an object without members.</summary>
    EmptyContent,

    /// <summary>A name occurs twice in one object, be it spelled with different escapes.</summary>
    DuplicateName,

    /// <summary>An escape stands for one half of a surrogate pair, which is no character.</summary>
    LoneSurrogate,

    /// <summary>Nested deeper than <see cref="CanonicalJson.MaxDepth"/>.</summary>
    TooDeep,

    /// <summary>A number beyond the largest IEEE 754 double.</summary>
    NumberOutOfRange,

    /// <summary>A pointer of the topic's key leads to no value.</summary>
    KeyMissing,

    /// <summary>The key is longer than <see cref="KeyPointers.MaxKeyBytes"/>.</summary>
    KeyTooLong,
}

/// <summary>Why a text was refused.</summary>
/// <param name="Kind">For programs.</param>
/// <param name="Sentence">A short sentence for people, without anything out of the text.</param>
/// <param name="Detail">A sentence that also says where, in a bounded number of characters.</param>
internal sealed record JsonError(JsonErrorKind Kind, string Sentence, string Detail)
{
    private const string InvalidFormat = "Invalid JSON format";
    private const int LongestQuotation = 200;

    /// <summary>What stood in place of an object; only with <see cref="JsonErrorKind.NotAnObject"/>.</summary>
    public JsonValueKind Found { get; private init; }

    public static JsonError EmptyContent { get; } = new(
        JsonErrorKind.EmptyContent,
        "Content is required",
        "The content is empty; an object with at least one member is expected.");

    public static JsonError ByteOrderMark { get; } = new(
        JsonErrorKind.InvalidJson,
        InvalidFormat,
        "The text starts with a byte order mark (EF BB BF); JSON is sent without one.");

    public static JsonError Syntax(JsonException exception)
    {
        // The reader appends the position to its message, counted from zero.
        var message = exception.Message.AsSpan();
        var end = message.IndexOf(" LineNumber:", StringComparison.Ordinal);
        var fault = Quoted(end < 0 ? message : message[..end]);
        return new(
            JsonErrorKind.InvalidJson,
            InvalidFormat,
            $"Line {exception.LineNumber + 1}, byte {exception.BytePositionInLine + 1}: {fault}");
    }

    public static JsonError InvalidUtf8(ReadOnlySpan<byte> text) => new(
        JsonErrorKind.InvalidUtf8,
        InvalidFormat,
        $"The bytes are not valid UTF-8, from byte {ValidUtf8Bytes(text) + 1} on.");

    public static JsonError NotAnObject(JsonValueKind found)
    {
        var name = found switch
        {
            JsonValueKind.Array => "list",
            JsonValueKind.String => "string",
            JsonValueKind.Number => "number",
            JsonValueKind.True or JsonValueKind.False => "boolean",
            _ => "null",
        };
        var sentence = $"JSON object expected, got {name}";
        return new(JsonErrorKind.NotAnObject, sentence, sentence + ".") { Found = found };
    }

    /// <summary>A name twice in one object.</summary>
    /// <param name="path">Where the object is: a JSON pointer.</param>
    public static JsonError DuplicateName(string path, string name) => new(
        JsonErrorKind.DuplicateName,
        "Duplicate member name",
        $"The name \"{Quoted(name)}\" occurs more than once in {ObjectAt(path)}.");

    public static JsonError LoneSurrogate(long offset) => new(
        JsonErrorKind.LoneSurrogate,
        "Lone surrogate in a string",
        $"The string at byte {offset + 1} has an escape for one half of a surrogate pair without the other.");

    public static JsonError TooDeep(long offset) => new(
        JsonErrorKind.TooDeep,
        "JSON nested too deep",
        $"Objects and arrays may be nested {CanonicalJson.MaxDepth} deep; byte {offset + 1} goes deeper.");

    public static JsonError NumberOutOfRange(long offset) => new(
        JsonErrorKind.NumberOutOfRange,
        "Number out of range",
        $"The number at byte {offset + 1} is beyond the range of IEEE 754 double precision.");

    public static JsonError KeyMissing(JsonPointer pointer) => new(
        JsonErrorKind.KeyMissing,
        "Key is required",
        $"The topic takes its key from {Quoted(pointer.Text)}, where this object has no value.");

    public static JsonError KeyTooLong { get; } = new(
        JsonErrorKind.KeyTooLong,
        "Key is too long",
        $"The key is longer than {KeyPointers.MaxKeyBytes} bytes of UTF-8.");

    /// <summary>
    /// What a sender chose, shortened and with U+FFFD for control characters: the sentence may end up in a log or terminal.
    /// </summary>
    public static string Quoted(ReadOnlySpan<char> text)
    {
        var shown = text[..Math.Min(text.Length, LongestQuotation)];
        var builder = new StringBuilder(LongestQuotation + 1);
        foreach (var rune in shown.EnumerateRunes())
            builder.Append(Rune.IsControl(rune) ? "\uFFFD" : rune.ToString());
        return (shown.Length < text.Length ? builder.Append('…') : builder).ToString();
    }

    private static string ObjectAt(string path) =>
        path.Length == 0 ? "the outermost object" : $"the object at {Quoted(path)}";

    private static int ValidUtf8Bytes(ReadOnlySpan<byte> text)
    {
        Span<char> decoded = stackalloc char[1024];
        var valid = 0;
        while (true)
        {
            var status = Utf8.ToUtf16(text[valid..], decoded, out var read, out _, replaceInvalidSequences: false);
            valid += read;
            if (status != OperationStatus.DestinationTooSmall)
                return valid;
        }
    }
}
