using System.Text;
using System.Text.Json;
using Databus.Json;
using FsCheck;
using FsCheck.Fluent;

namespace Databus.Tests.Json;

public sealed class JsonPropertyTests
{
    private static readonly Config ManyTimes = Config.QuickThrowOnFailure.WithMaxTest(2_000);

    [Fact]
    public void All_spellings_of_an_object_have_one_digest() => ForAllObjects((sample, seed) =>
    {
        var one = Encoding.UTF8.GetBytes(sample.Spelled(new Random(seed), new Random(seed)));
        var other = Encoding.UTF8.GetBytes(sample.Spelled(new Random(~seed), new Random(~seed)));
        return Parsed(one).Digest == Parsed(other).Digest && Canonical(one).AsSpan().SequenceEqual(Canonical(other));
    });

    [Fact]
    public void The_canonical_form_of_the_canonical_form_is_itself() => ForAllObjects((sample, seed) =>
    {
        var canonical = Canonical(Encoding.UTF8.GetBytes(sample.Spelled(new Random(seed))));
        return Canonical(canonical).AsSpan().SequenceEqual(canonical);
    });

    [Fact]
    public void The_canonical_form_is_what_a_plain_recursive_writer_gives() => ForAllObjects((sample, seed) =>
        Encoding.UTF8.GetString(Canonical(Encoding.UTF8.GetBytes(sample.Spelled(new Random(seed), new Random(seed))))) == Plain(sample));

    [Fact]
    public void Kept_content_is_the_sent_text_without_white_space() => ForAllObjects((sample, seed) =>
    {
        var sent = sample.Spelled(new Random(seed), new Random(seed));
        var kept = Encoding.UTF8.GetString(Parsed(Encoding.UTF8.GetBytes(sent)).Utf8);
        using var sentDocument = JsonDocument.Parse(sent);
        using var keptDocument = JsonDocument.Parse(kept);
        return kept == sample.Spelled(new Random(seed))
            && JsonElement.DeepEquals(sentDocument.RootElement, keptDocument.RootElement);
    });

    [Fact]
    public void A_name_given_twice_is_found_wherever_it_stands() => ForAllObjects((sample, seed) =>
    {
        var members = ((JsonSample.Object)sample).Members;
        var repeated = new JsonSample.Object([.. members, (members[0].Name, new JsonSample.Whole(seed))]);
        return !CanonicalJson.TryGet(Encoding.UTF8.GetBytes(repeated.Spelled(new Random(seed))), out _, out var error)
            && error.Kind == JsonErrorKind.DuplicateName;
    });

    [Fact]
    public void Neighbouring_64_bit_numbers_have_different_digests() => Check.One(
        ManyTimes,
        Prop.ForAll(ArbMap.Default.ArbFor<DoNotSize<long>>(), Gen.Choose(1, 100).ToArbitrary(), (id, distance) =>
            Parsed(IdOf(id.Item)).Digest != Parsed(IdOf(unchecked(id.Item + distance))).Digest));

    [Fact]
    public void A_key_found_by_pointer_is_the_canonical_text_of_the_member() => ForAllObjects((sample, seed) =>
    {
        var (name, value) = ((JsonSample.Object)sample).Members[^1];
        var content = Parsed(Encoding.UTF8.GetBytes(sample.Spelled(new Random(seed), new Random(seed))));
        Assert.True(KeyPointers.TryParse(["/" + JsonPointer.Escaped(name)], out var pointers, out _));
        return pointers.TryGetKey(content, out var key, out var error)
            ? key == Plain(value)
            : error.Kind == JsonErrorKind.KeyTooLong && Encoding.UTF8.GetByteCount(Plain(value)) > KeyPointers.MaxKeyBytes;
    });

    [Fact]
    public void Damaged_text_is_an_error_or_content_and_never_an_exception() => ForAllObjects((sample, seed) =>
    {
        var choice = new Random(seed);
        var bytes = Encoding.UTF8.GetBytes(sample.Spelled(choice, choice));
        for (var i = choice.Next(1, 4); i > 0; i--)
            bytes[choice.Next(bytes.Length)] = (byte)choice.Next(256);
        return ItemContent.TryParse(bytes.AsSpan(0, choice.Next(bytes.Length + 1)), out _, out var error) == (error is null);
    });

    private static void ForAllObjects(Func<JsonSample, int, bool> holds) => Check.One(
        ManyTimes,
        Prop.ForAll(
            JsonSample.Objects.Filter(sample => ((JsonSample.Object)sample).Members.Length > 0),
            ArbMap.Default.ArbFor<int>(),
            holds));

    private static byte[] IdOf(long id) => Encoding.UTF8.GetBytes($"{{\"id\":{id}}}");

    private static ItemContent Parsed(byte[] utf8)
    {
        Assert.True(ItemContent.TryParse(utf8, out var content, out var error), error?.Detail);
        return content;
    }

    private static byte[] Canonical(byte[] utf8)
    {
        Assert.True(CanonicalJson.TryGet(utf8, out var canonical, out var error), error?.Detail);
        return canonical;
    }

    private static string Plain(JsonSample value) => value switch
    {
        JsonSample.Text text => Plain(text.Value),
        JsonSample.Word word => word.Value,
        JsonSample.Whole whole => $"{whole.Value}",
        JsonSample.Real real => Encoding.UTF8.GetString(Canonical(Encoding.UTF8.GetBytes($"{real.Value:E16}"))),
        JsonSample.Array array => "[" + string.Join(',', array.Elements.Select(Plain)) + "]",
        JsonSample.Object obj => "{" + string.Join(',', obj.Members
            .OrderBy(member => member.Name, StringComparer.Ordinal)
            .Select(member => Plain(member.Name) + ":" + Plain(member.Value))) + "}",
        _ => throw new InvalidOperationException($"No plain form for {value}"),
    };

    private static string Plain(string text) => "\"" + string.Concat(text.Select(unit => unit switch
    {
        '"' => "\\\"",
        '\\' => "\\\\",
        '\b' => "\\b",
        '\t' => "\\t",
        '\n' => "\\n",
        '\f' => "\\f",
        '\r' => "\\r",
        < ' ' => $"\\u{(int)unit:x4}",
        _ => unit.ToString(),
    })) + "\"";
}
