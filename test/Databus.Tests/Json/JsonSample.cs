using System.Globalization;
using System.Text;
using FsCheck;
using FsCheck.Fluent;

namespace Databus.Tests.Json;

/// <summary>A JSON value as such, apart from how it is spelled.</summary>
internal abstract record JsonSample
{
    private static readonly string[] Pieces =
    [
        "a", "b", "Z", " ", "0", "/", "\"", "\\", "\b", "\t", "\n", "\f", "\r", "\0", "\u001f", "\u007f",
        "é", "€", "\u2028", "\ud7ff", "\ue000", "\ufb33", "\uffff", "\U00010000", "😂", "\U0010ffff", "city", "identifier",
    ];

    private static readonly Gen<string> Texts = Gen.Elements(Pieces).ArrayOf().Select(string.Concat);

    private static readonly Gen<JsonSample> Leaves = Gen.OneOf(
        Texts.Select(text => (JsonSample)new Text(text)),
        Gen.Elements("true", "false", "null").Select(word => (JsonSample)new Word(word)),
        ArbMap.Default.GeneratorFor<DoNotSize<long>>().Select(value => (JsonSample)new Whole(value.Item)),
        Gen.Choose(-1000, 1000).Select(value => (JsonSample)new Real(value)),
        ArbMap.Default.GeneratorFor<NormalFloat>().Select(value => (JsonSample)new Real(value.Get)));

    public static Arbitrary<JsonSample> Objects { get; } =
        Gen.Sized(size => ObjectsOf(Math.Min(size, 40))).ToArbitrary();

    /// <summary>Spells the value in one of its many ways.</summary>
    public string Spelled(Random choice, Random? whiteSpace = null)
    {
        var text = new StringBuilder();
        new JsonSpelling(text, choice, whiteSpace).Write(this);
        return text.ToString();
    }

    private static Gen<JsonSample> Values(int size) => size <= 1
        ? Leaves
        : Gen.Frequency((4, Leaves), (1, ObjectsOf(size / 2)), (1, Arrays(size / 2)));

    private static Gen<JsonSample> Arrays(int size) =>
        Values(size).ArrayOf().Resize(size).Select(values => (JsonSample)new Array([.. values.Take(8)]));

    private static Gen<JsonSample> ObjectsOf(int size) =>
        Gen.Zip(Texts, Values(size)).ArrayOf().Select(members =>
            (JsonSample)new Object([.. members
                .Select(member => (member.Item1, member.Item2))
                .DistinctBy(member => member.Item1, StringComparer.Ordinal)
                .Take(25)]));

    internal sealed record Text(string Value) : JsonSample;

    internal sealed record Word(string Value) : JsonSample;

    internal sealed record Whole(long Value) : JsonSample;

    internal sealed record Real(double Value) : JsonSample;

    internal sealed record Array(JsonSample[] Elements) : JsonSample;

    internal sealed record Object((string Name, JsonSample Value)[] Members) : JsonSample;
}

/// <summary>Writes a value with members, numbers and escapes as <paramref name="choice"/> has it.</summary>
internal sealed class JsonSpelling(StringBuilder text, Random choice, Random? whiteSpace)
{
    public void Write(JsonSample value)
    {
        Space();
        switch (value)
        {
            case JsonSample.Text { Value: var characters }:
                WriteString(characters);
                break;
            case JsonSample.Word { Value: var word }:
                text.Append(word);
                break;
            case JsonSample.Whole { Value: var number }:
                text.Append(CultureInfo.InvariantCulture, $"{number}");
                break;
            case JsonSample.Real { Value: var number }:
                text.Append(Number(number));
                break;
            case JsonSample.Array { Elements: var elements }:
                WriteAll('[', elements, Write, ']');
                break;
            case JsonSample.Object { Members: var members }:
                var shuffled = members.ToArray();
                choice.Shuffle(shuffled);
                WriteAll('{', shuffled, WriteMember, '}');
                break;
            default:
                throw new InvalidOperationException($"No spelling for {value}");
        }

        Space();
    }

    private void WriteMember((string Name, JsonSample Value) member)
    {
        Space();
        WriteString(member.Name);
        Space();
        text.Append(':');
        Write(member.Value);
    }

    private void WriteAll<T>(char open, T[] parts, Action<T> write, char close)
    {
        text.Append(open);
        Space();
        for (var i = 0; i < parts.Length; i++)
        {
            if (i > 0)
                text.Append(',');
            write(parts[i]);
        }

        text.Append(close);
    }

    private void WriteString(string characters)
    {
        text.Append('"');
        foreach (var rune in characters.EnumerateRunes())
        {
            const string Plain = "\"\\\b\t\n\f\r/";
            const string Letters = "\"\\btnfr/";
            var shortEscape = rune.IsBmp ? Plain.IndexOf((char)rune.Value, StringComparison.Ordinal) : -1;
            var mustEscape = rune.Value is < ' ' or '"' or '\\';
            if (shortEscape >= 0 && choice.Next(2) == 0)
                text.Append('\\').Append(Letters[shortEscape]);
            else if (mustEscape || choice.Next(4) == 0)
                WriteUnicodeEscapes(rune);
            else
                text.Append(rune.ToString());
        }

        text.Append('"');
    }

    private void WriteUnicodeEscapes(Rune rune)
    {
        foreach (var unit in rune.ToString())
        {
            var digits = ((int)unit).ToString(choice.Next(2) == 0 ? "x4" : "X4", CultureInfo.InvariantCulture);
            text.Append("\\u").Append(digits);
        }
    }

    private string Number(double number)
    {
        var format = choice.Next(5) switch
        {
            0 => "R",
            1 => "E16",
            2 => "e20",
            3 when Math.Abs(number) is > 1e-5 and < 1e20 => "F40",
            _ => "0.0################E+0",
        };
        var spelled = number.ToString(format, CultureInfo.InvariantCulture);
        var exact = double.Parse(spelled, CultureInfo.InvariantCulture) == number;
        return exact ? spelled : number.ToString("E16", CultureInfo.InvariantCulture);
    }

    private void Space()
    {
        if (whiteSpace is null)
            return;
        for (var i = whiteSpace.Next(3); i > 0; i--)
            text.Append(" \t\r\n"[whiteSpace.Next(4)]);
    }
}
