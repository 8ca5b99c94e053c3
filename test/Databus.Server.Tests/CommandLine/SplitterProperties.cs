using System.Text;
using System.Text.Json;
using Databus.Server.CommandLine;
using Databus.Server.CommandLine.Input;
using FsCheck;
using FsCheck.Fluent;

namespace Databus.Server.Tests.CommandLine;

public sealed class SplitterProperties
{
    private static readonly string[] Fragments =
    [
        "{", "}", "[", "]", ",", ":", "\"", "\\", "\n", "\r\n", "\r", " ", "\t", "1", "é", "😀", "\uFEFF", "\0",
        "{\"a\":1}", "{\"b\":\"x,]}\\\"y\"}", "\"q,\"\"r\"\"\n\"", "a,b\n", "1,2\n", "[{},{}]",
    ];

    private static readonly Gen<string> Texts =
        Gen.Elements(Fragments).ListOf().Select(fragments => string.Concat(fragments));

    private static readonly Gen<int[]> Pieces = Gen.Choose(1, 9).NonEmptyListOf().Select(pieces => pieces.ToArray());

    public static TheoryData<string> Formats => ["ndjson", "json", "csv", "typed"];

    [Theory]
    [MemberData(nameof(Formats))]
    public void Any_split_of_the_bytes_gives_the_same_items(string format) => Prop.ForAll(
        Texts.Zip(Pieces, (text, pieces) => (text, pieces)).ToArbitrary(),
        input => Outcome(() => Splitting.All(Start(format), input.text))
            == Outcome(() => Splitting.All(Start(format), input.text, input.pieces)))
        .Check(Config.QuickThrowOnFailure.WithMaxTest(2_000));

    [Theory]
    [MemberData(nameof(Formats))]
    public void Going_on_behind_any_item_gives_the_items_that_follow(string format) => Prop.ForAll(
        Texts.ToArbitrary(),
        text =>
        {
            byte[] bytes = Encoding.UTF8.GetBytes(text);
            List<Found> all;
            ItemSplitter splitter = Start(format);
            try
            {
                // A byte at a time, so that what is rejected stands between the items where it belongs.
                all = Splitting.All(splitter, bytes, 1);
            }
            catch (CommandFailure)
            {
                return true;
            }
            for (int i = 0; i < all.Count; i++)
            {
                if (all[i].End is not InputPosition place)
                    continue;
                List<Found> rest = Splitting.All(
                    GoOn(format, place, splitter.Columns), bytes.AsSpan((int)place.Offset), 1);
                if (!rest.SequenceEqual(all.Skip(i + 1)))
                    return false;
            }
            return true;
        })
        .Check(Config.QuickThrowOnFailure.WithMaxTest(2_000));

    [Fact]
    public void An_array_has_the_elements_that_a_parser_finds() => Prop.ForAll(
        Gen.Elements("{\"a\": [1, 2]}", "{ }", "\"x,]\\\\\"", "[[]]", "-1.5e3", "null", "{\"é\":\n\"\\\"\"}").ListOf()
            .Zip(Gen.Elements("", " ", "\n", "\r\n\t"), (values, space) => $"[{space}{string.Join($"{space},{space}", values)}{space}]")
            .ToArbitrary(),
        json =>
        {
            using var document = JsonDocument.Parse(json);
            return document.RootElement.EnumerateArray().Select(element => element.GetRawText().Replace('\n', ' '))
                .SequenceEqual(
                    Splitting.All(new JsonSplitter(InputPosition.Start), json).Select(item => item.Text), StringComparer.Ordinal);
        })
        .Check(Config.QuickThrowOnFailure.WithMaxTest(1_000));

    [Fact]
    public void A_table_is_read_as_it_was_written() => Prop.ForAll(
        Gen.Elements("a", ",", "\"", "\r\n", "\n", " ", "é", "x\"y", "").ListOf().Select(parts => string.Concat(parts))
            .ArrayOf(3).ListOf().ToArbitrary(),
        rows =>
        {
            IEnumerable<string> written = rows.Prepend(["c1", "c2", "c3"]).Select(row => string.Join(',', row.Select(Quote)) + "\r\n");
            List<Found> found = Splitting.All(
                new CsvSplitter(InputPosition.Start, ',', typed: false), string.Concat(written));
            return rows.SelectMany(row => row).SequenceEqual(found.SelectMany(Values), StringComparer.Ordinal);
        })
        .Check(Config.QuickThrowOnFailure.WithMaxTest(1_000));

    private static string Quote(string value) => $"\"{value.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    private static IEnumerable<string> Values(Found item)
    {
        using var document = JsonDocument.Parse(item.Text);
        return [.. document.RootElement.EnumerateObject().Select(member => member.Value.GetString()!)];
    }

    private static ItemSplitter Start(string format) => GoOn(format, InputPosition.Start, columns: null);

    private static ItemSplitter GoOn(string format, InputPosition place, IReadOnlyList<string>? columns) => format switch
    {
        "csv" => new CsvSplitter(place, ',', typed: false, columns),
        "typed" => new CsvSplitter(place, ',', typed: true, columns),
        "json" => new JsonSplitter(place),
        _ => new LineSplitter(place),
    };

    private static string Outcome(Func<List<Found>> split)
    {
        try
        {
            return string.Join('\n', split().OrderBy(item => item.Line).ThenBy(item => item.Text, StringComparer.Ordinal));
        }
        catch (CommandFailure e)
        {
            return e.Message;
        }
    }
}
