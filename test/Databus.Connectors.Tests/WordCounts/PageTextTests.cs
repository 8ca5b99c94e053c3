using System.Diagnostics;
using Databus.Connectors.WordCounts;

namespace Databus.Connectors.Tests.WordCounts;

public sealed class PageTextTests
{
    [Theory]
    [InlineData("<p>one<p>two", "one two")]
    [InlineData("<b>em</b>pha<i>sis</i> <span>a</span><span>b</span>", "ab emphasis")]
    [InlineData("<table><td>cell</td><td>next</table>line<br>break<img>after", "after break cell line next")]
    [InlineData("<a>don</a>&#39;t &eacute;t&eacute; x&nbsp;y &lt;z&gt;", "don't x y z été")]
    [InlineData("before<script>var script = 'one';</script><style>p { color: red }</style><noscript>no script</noscript>after", "after before")]
    [InlineData("<template><p>later</p></template><textarea>typed</textarea><svg><text>drawn</text></svg><math><mi>x</mi></math>seen", "seen")]
    [InlineData("<div hidden>away <p>deep</p></div><p hidden=''>too</p>seen", "seen")]
    [InlineData("<title>Title</title><body>seen<title>again</title>", "seen")]
    [InlineData("<!-- comment --><p>seen</p><!-- unclosed", "seen")]
    [InlineData("<p>one<div>two</span></b></div>three<div></div><table>four<tr><td>five", "five four one three two")]
    [InlineData("<frameset><frame></frameset>", "")]
    [InlineData("", "")]
    [InlineData("no markup at all", "all at markup no")]
    public void Words_are_those_that_a_reader_sees(string html, string expected)
    {
        var words = new WordTally();
        Assert.NotNull(PageText.Count(html, words, CancellationToken.None));
        Assert.Equal(expected, string.Join(' ', words.Counts.Keys.Order(StringComparer.Ordinal)));
    }

    [Theory]
    [InlineData("<html lang='de'><title> A\n  title </title>", "A title", "de")]
    [InlineData("<title></title>", null, null)]
    [InlineData("<p>text", null, null)]
    public void The_title_and_the_language_are_the_pages_own(string html, string? title, string? language) =>
        Assert.Equal((title, language), PageText.Count(html, new WordTally(), CancellationToken.None));

    [Fact]
    public void A_long_title_is_cut_between_characters()
    {
        var page = PageText.Count($"<title>x{string.Concat(Enumerable.Repeat("😀", 1000))}</title>", new WordTally(), CancellationToken.None);
        Assert.Equal(499, page!.Value.Title!.Length);
    }

    [Theory]
    [InlineData("<div>", 2_000_000)]
    [InlineData("<a>", 1_000_000)]
    [InlineData("<b><p>", 300_000)]
    [InlineData("<table>", 500_000)]
    [InlineData("</p>", 2_000_000)]
    [InlineData("<i></b>", 500_000)]
    [InlineData("<", 4_000_000)]
    [InlineData("&", 4_000_000)]
    [InlineData("<!--", 1_000_000)]
    [InlineData("<p a b c d e f g h i j k l m n o>", 200_000)]
    public void Hostile_markup_costs_no_more_than_the_time_it_is_given(string part, int times) => AssertBounded(string.Concat(Enumerable.Repeat(part, times)));

    [Fact]
    public void Elements_that_multiply_are_counted()
    {
        // Each paragraph opens all of the unclosed ones anew: two million elements out of 40 kB.
        var html = $"<p>{string.Concat(Enumerable.Range(0, 200).Select(number => $"<b id={number}>"))}{string.Concat(Enumerable.Repeat("</p><p>x", 10_000))}";
        Assert.Null(PageText.Count(html, new WordTally(), CancellationToken.None));
    }

    private static void AssertBounded(string html)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(2));
        var started = Stopwatch.GetTimestamp();
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var stopped = Record.Exception(() => _ = PageText.Count(html, new WordTally(), limit.Token));
        Assert.True(stopped is null or OperationCanceledException, stopped?.ToString());
        Assert.True(Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(20));
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: false) - before, long.MinValue, 3L << 30);
    }
}
