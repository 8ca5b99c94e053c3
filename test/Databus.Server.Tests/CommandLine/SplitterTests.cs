using System.Text;
using Databus.Server.CommandLine;
using Databus.Server.CommandLine.Input;

namespace Databus.Server.Tests.CommandLine;

public sealed class SplitterTests
{
    [Fact]
    public void Lines_may_end_in_LF_or_CRLF_or_with_the_input() =>
        AssertTexts(["{\"a\":1}", "{\"b\":2}", "{\"c\":3}"], Lines("{\"a\":1}\n{\"b\":2}\r\n{\"c\":3}"));

    [Fact]
    public void Blank_lines_are_no_items_but_count_as_lines() =>
        Assert.Equal([2L, 5L], Lines("\n{\"a\":1}\n  \t\r\n\r\n{\"b\":2}\n\n").Select(item => item.Line));

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(100)]
    public void A_byte_order_mark_is_no_part_of_the_first_item(int piece)
    {
        AssertTexts(["{}"], Splitting.All(new LineSplitter(InputPosition.Start), "\uFEFF{}\n", piece));
        AssertTexts(["{}"], Splitting.All(new JsonSplitter(InputPosition.Start), "\uFEFF[{}]", piece));
        AssertTexts(["{\"a\":\"1\"}"], Splitting.All(Csv(), "\uFEFFa\n1\n", piece));
    }

    [Fact]
    public void A_byte_order_mark_inside_the_input_is_left_to_the_server() =>
        AssertTexts(["{}", "\uFEFF{}"], Lines("{}\n\uFEFF{}\n"));

    [Fact]
    public void UTF_16_is_refused_with_a_hint()
    {
        byte[] input = [.. Encoding.Unicode.GetPreamble(), .. Encoding.Unicode.GetBytes("{}")];
        var failure = Assert.Throws<CommandFailure>(() => Splitting.All(new LineSplitter(InputPosition.Start), input));
        Assert.Contains("UTF-16", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_line_longer_than_the_limit_is_rejected_and_the_next_one_found()
    {
        string huge = new('x', ItemSplitter.MaxItemBytes + 1);
        List<Found> found = Splitting.All(new LineSplitter(InputPosition.Start), $"{huge}\n{{}}\n", 64 * 1024);
        Assert.Equal([1L, 2L], found.Select(item => item.Line));
        Assert.StartsWith("!The item is longer than 16 MiB", found[0].Text, StringComparison.Ordinal);
        Assert.Equal("{}", found[1].Text);
    }

    [Fact]
    public void Elements_of_an_array_are_items_of_one_line_each() => AssertTexts(
        ["{ \"a\": [1, { \"b\": \"x,]}\\\"\" } ] }", "{}", "3"],
        Json("[\n { \"a\": [1,\n\t{ \"b\": \"x,]}\\\"\" }\r\n] },{},\n3 ]\n"));

    [Fact]
    public void An_element_is_known_by_the_line_on_which_it_begins() =>
        Assert.Equal([2L, 5L], Json("[\n{\n\"a\":1\n},\n{}\n]").Select(item => item.Line));

    [Fact]
    public void Single_objects_and_arrays_may_follow_one_another() =>
        AssertTexts(["{\"a\":1}", "{\"b\":2}", "{\"c\":3}", "{}"], Json("{\"a\":1}{\"b\":2}\n[{\"c\":3}] [] {}"));

    [Theory]
    [InlineData("[{\"a\":1},{\"b\":oops},{\"c\":3}]", "{\"a\":1}", "{\"b\":oops}", "{\"c\":3}")]
    [InlineData("[{\"a\":1} {\"b\":2},{}]", "{\"a\":1} {\"b\":2}", "{}")]
    [InlineData("[1 2]", "1 2")]
    public void A_broken_element_is_one_item_and_the_next_is_found(string input, params string[] expected) =>
        AssertTexts(expected, Json(input));

    [Theory]
    [InlineData("[{},]", "!A value is missing before the end of this array.")]
    [InlineData("[,{}]", "!A value is missing before this comma.")]
    [InlineData("[{}", "!The input ends inside this item.")]
    [InlineData("[{},", "!The input ends before its array does.")]
    [InlineData("[{}] {\"a\":", "!The input ends inside this item.")]
    [InlineData("[{},\"line\nbreak\"]", "!A string has a line break in it.")]
    public void What_an_array_lacks_is_said(string input, string expected) =>
        Assert.Contains(Json(input), item => item.Text == expected);

    [Fact]
    public void An_empty_input_has_no_items()
    {
        Assert.Empty(Lines(""));
        Assert.Empty(Json(" \n"));
        Assert.Empty(Json("[]"));
        Assert.Empty(Splitting.All(Csv(), ""));
        Assert.Empty(Splitting.All(Csv(), "a,b\n"));
    }

    [Fact]
    public void Quoted_values_hold_delimiters_line_breaks_and_quotes()
    {
        List<Found> found = Splitting.All(Csv(), "name,text\r\n\"a, b\",\"one\r\ntwo \"\"three\"\"\"\r\nc,\r\n");
        AssertTexts(["{\"name\":\"a, b\",\"text\":\"one\\r\\ntwo \\\"three\\\"\"}", "{\"name\":\"c\",\"text\":\"\"}"], found);
        Assert.Equal([2L, 4L], found.Select(item => item.Line));
    }

    [Fact]
    public void Columns_without_a_name_and_names_that_come_again_are_told_apart() =>
        AssertTexts(["{\"column1\":\"1\",\"a\":\"2\",\"a_2\":\"3\"}"], Splitting.All(Csv(), "\"\",a,a\n1,2,3\n"));

    [Theory]
    [InlineData("a,b\n1\n2,3\n", "!The record has 1 values, the first line names 2 columns.")]
    [InlineData("a\n\"x\"y\n", "!There is text behind a closing quote.")]
    [InlineData("a\n1\n\"open\n", "!A quoted value is not closed.")]
    public void A_broken_record_is_rejected(string input, string expected) =>
        Assert.Contains(Splitting.All(Csv(), input), item => item.Text == expected);

    [Fact]
    public void A_record_that_is_not_UTF_8_is_rejected_and_not_mended()
    {
        byte[] input = [.. "a\ncaf"u8, 0xE9, .. "\nok\n"u8];
        AssertTexts(["!The record is not UTF-8.", "{\"a\":\"ok\"}"], Splitting.All(Csv(), input));
    }

    [Fact]
    public void Typed_values_are_those_that_nothing_is_lost_of() => AssertTexts(
        ["{\"a\":790,\"b\":-1.50,\"c\":true,\"d\":null,\"e\":null,\"f\":\"02139\","
            + "\"g\":\"1234567890123456\",\"h\":\"1e5\",\"i\":\"-\",\"j\":\"1.\"}"],
        Splitting.All(
            new CsvSplitter(InputPosition.Start, ',', typed: true),
            "a,b,c,d,e,f,g,h,i,j\n\"790\",-1.50,TRUE,null,,02139,1234567890123456,1e5,-,1.\n"));

    [Fact]
    public void Another_delimiter_is_noticed()
    {
        var failure = Assert.Throws<CommandFailure>(() => Splitting.All(Csv(), "a;b\n1;2\n"));
        Assert.Contains("--delimiter", failure.Message, StringComparison.Ordinal);
        AssertTexts(
            ["{\"a\":\"1\",\"b\":\"2\"}"],
            Splitting.All(new CsvSplitter(InputPosition.Start, ';', typed: false), "a;b\n1;2\n"));
    }

    private static List<Found> Lines(string input) => Splitting.All(new LineSplitter(InputPosition.Start), input);

    private static List<Found> Json(string input) => Splitting.All(new JsonSplitter(InputPosition.Start), input);

    private static CsvSplitter Csv() => new(InputPosition.Start, ',', typed: false);

    private static void AssertTexts(string[] expected, List<Found> found) =>
        Assert.Equal(expected, found.Select(item => item.Text), StringComparer.Ordinal);
}
