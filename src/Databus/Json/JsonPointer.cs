using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Databus.Json;

/// <summary>A path to a value inside a JSON text (RFC 6901), such as <c>/address/0/city</c>.</summary>
internal sealed class JsonPointer
{
    /// <summary>The longest pointer taken, in characters.</summary>
    public const int MaxLength = 1024;

    private readonly Step[] _steps;

    private JsonPointer(string text, Step[] steps)
    {
        Text = text;
        _steps = steps;
    }

    public string Text { get; }

    /// <summary>Reads a pointer.</summary>
    /// <param name="text">Empty for the whole text; otherwise each step begins with a slash, with ~1 for / and ~0 for ~ in it.</param>
    /// <param name="error">A sentence that says what is wrong with the pointer.</param>
    public static bool TryParse(
        string text,
        [NotNullWhen(true)] out JsonPointer? pointer,
        [NotNullWhen(false)] out string? error)
    {
        pointer = null;
        error = Fault(text);
        if (error is not null)
            return false;
        pointer = new(text, [.. text.Split('/').Skip(1).Select(Step.Parse)]);
        return true;
    }

    /// <summary>A name as it is written in a pointer.</summary>
    public static string Escaped(string name) =>
        name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal);

    /// <summary>The text of the value this pointer leads to.</summary>
    /// <param name="utf8">Valid JSON, as <see cref="ItemContent.Utf8"/> is.</param>
    public bool TryFind(ReadOnlySpan<byte> utf8, out ReadOnlySpan<byte> value)
    {
        value = default;
        var reader = new Utf8JsonReader(utf8, new JsonReaderOptions { MaxDepth = CanonicalJson.MaxDepth });
        reader.Read();
        foreach (var step in _steps)
        {
            if (!TryTake(step, ref reader))
                return false;
        }

        var start = (int)reader.TokenStartIndex;
        reader.Skip();
        value = utf8[start..(int)reader.BytesConsumed];
        return true;
    }

    public override string ToString() => Text;

    private static string? Fault(string text)
    {
        if (text.Length > MaxLength)
            return $"A JSON pointer has at most {MaxLength} characters";
        if (HasLoneSurrogate(text))
            return "A JSON pointer must be valid Unicode";
        if (text.Length > 0 && text[0] != '/')
            return $"The JSON pointer \"{JsonError.Quoted(text)}\" must be empty or start with a slash";
        return HasStrayTilde(text)
            ? $"In the JSON pointer \"{JsonError.Quoted(text)}\" each ~ must be followed by 0 or 1"
            : null;
    }

    private static bool HasStrayTilde(string text)
    {
        for (var i = text.IndexOf('~', StringComparison.Ordinal); i >= 0; i = text.IndexOf('~', i + 1))
        {
            if (i + 1 == text.Length || text[i + 1] is not ('0' or '1'))
                return true;
        }

        return false;
    }

    private static bool HasLoneSurrogate(ReadOnlySpan<char> text)
    {
        while (!text.IsEmpty)
        {
            if (Rune.DecodeFromUtf16(text, out _, out var length) != OperationStatus.Done)
                return true;
            text = text[length..];
        }

        return false;
    }

    private static bool TryTake(in Step step, ref Utf8JsonReader reader) => reader.TokenType switch
    {
        JsonTokenType.StartObject => TryTakeMember(step.Name, ref reader),
        JsonTokenType.StartArray when step.Index is { } index => TryTakeElement(index, ref reader),
        _ => false,
    };

    private static bool TryTakeMember(ReadOnlySpan<byte> name, ref Utf8JsonReader reader)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals(name))
                return reader.Read();
            reader.Skip();
        }

        return false;
    }

    private static bool TryTakeElement(int index, ref Utf8JsonReader reader)
    {
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (index-- == 0)
                return true;
            reader.Skip();
        }

        return false;
    }

    private readonly record struct Step(byte[] Name, int? Index)
    {
        public static Step Parse(string escaped)
        {
            var name = escaped.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);
            return new(Encoding.UTF8.GetBytes(name), IndexIn(name));
        }

        // 0, or digits without a leading zero; anything else, also "-", leads to no element.
        private static int? IndexIn(string name) =>
            (name == "0" || (name.Length > 0 && name[0] is >= '1' and <= '9'))
            && int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var index)
                ? index
                : null;
    }
}
