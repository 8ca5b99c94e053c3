using System.Diagnostics;
using System.Text;
using Databus.Connectors.Feeds;

namespace Databus.Connectors.Tests.Feeds;

public sealed class FeedParserTests
{
    private static readonly Uri Address = new("https://example.org/blog/feed.xml");

    static FeedParserTests() => Encoding.RegisterProvider(CodePagesEncodingProvider.Instance);

    [Theory]
    [InlineData("real/stackoverflow-python-2022-07-26.atom", "atom 1.0", 30)]
    [InlineData("real/fd-rss-TagesschauAtom.xml", "atom 0.3", 2)]
    [InlineData("real/fd-rss-TagesschauRDF.xml", "rss 1.0", 2)]
    [InlineData("real/fd-rss-TagesschauWebsiteRSS.xml", "rss 2.0", 3)]
    [InlineData("real/fr-Rss091FullSample.xml", "rss 0.91", 1)]
    [InlineData("real/fr-Rss092FullSample.xml", "rss 0.92", 22)]
    [InlineData("real/fj-DuplicateContentAtomFeed.xml", "atom 1.0", 10)]
    [InlineData("jsonfeed/fj-json_feed.json", "jsonfeed", 20)]
    public void Every_format_is_read(string file, string format, int entries)
    {
        var feed = FeedParser.Parse(RealFeeds.Bytes(file), null, Address, default);

        Assert.Equal(format, feed.Format);
        Assert.Equal(entries, feed.Entries.Count);
        Assert.Null(feed.Fault);
    }

    [Fact]
    public void The_members_of_an_Atom_entry_are_read()
    {
        var entry = Single("""
            <feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://example.org/base/">
              <author><name>The feed</name></author>
              <entry xml:base="posts/">
                <id> tag:example.org,2022:1 </id>
                <title type="html">5 &amp;lt; 6 &lt;b&gt;bold&lt;/b&gt;&lt;script&gt;</title>
                <link rel="self" href="self"/><link rel="alternate" href="1.html"/>
                <link rel="enclosure" href="/1.mp3" type="audio/mpeg" length="12"/>
                <published>2022-07-26T08:00:00+02:00</published><updated>2022-07-27T00:00:00Z</updated>
                <summary>a &lt; b</summary>
                <content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>x &amp; y<br/></p></div></content>
                <category term="one"/><category term="two"/>
              </entry>
            </feed>
            """);

        Assert.Equal("tag:example.org,2022:1", entry.Id);
        Assert.Equal("5 < 6 bold", entry.Title);
        Assert.Equal("https://example.org/base/posts/1.html", entry.Link);
        Assert.Equal("The feed", entry.Author);
        Assert.Equal(DateTimeOffset.Parse("2022-07-26T06:00:00Z"), entry.Published);
        Assert.Equal(DateTimeOffset.Parse("2022-07-27T00:00:00Z"), entry.Updated);
        Assert.Equal("a &lt; b", entry.Summary);
        Assert.Equal("<p>x &amp; y<br></p>", entry.Content);
        Assert.Equal(["one", "two"], entry.Categories);
        Assert.Equal(new FeedEnclosure("https://example.org/1.mp3", "audio/mpeg", 12), Assert.Single(entry.Enclosures));
    }

    [Fact]
    public void The_members_of_an_RSS_item_are_read()
    {
        var entry = Single("""
            <rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/">
              <channel><title>T</title><item>
                <guid isPermaLink="false">1</guid><title>AT&amp;amp;T</title><link>/posts/1</link>
                <author>ann@example.org (Ann)</author><pubDate>Tue, 26 Jul 2022 06:00:00 GMT</pubDate>
                <description>short</description><content:encoded><![CDATA[<p>long</p>]]></content:encoded>
              </item></channel>
            </rss>
            """);

        Assert.Equal("1", entry.Id);
        Assert.Equal("AT&T", entry.Title);
        Assert.Equal("https://example.org/posts/1", entry.Link);
        Assert.Equal("Ann", entry.Author);
        Assert.Equal(DateTimeOffset.Parse("2022-07-26T06:00:00Z"), entry.Published);
        Assert.Equal("short", entry.Summary);
        Assert.Equal("<p>long</p>", entry.Content);
    }

    [Theory]
    [InlineData("javascript:alert(1)")]
    [InlineData("data:text/html,x")]
    [InlineData("file:///etc/passwd")]
    [InlineData("http://[")]
    public void A_link_that_is_no_plain_link_is_left_out(string link) =>
        Assert.Null(Single(Rss($"<guid isPermaLink='false'>1</guid><link>{link}</link>")).Link);

    [Theory]
    [InlineData("//cdn.example.net/a", "https://cdn.example.net/a")]
    [InlineData("?p=1", "https://example.org/blog/feed.xml?p=1")]
    [InlineData("../a b", "https://example.org/a%20b")]
    [InlineData("HTTP://Example.org/%7Ebob", "HTTP://Example.org/%7Ebob")]
    public void Links_are_resolved_and_absolute_ones_left_alone(string link, string resolved) =>
        Assert.Equal(resolved, Single(Rss($"<link>{link}</link>")).Link);

    [Theory]
    [InlineData("a&nbsp;b &eacute; &bogus; &amp; c & d", "a b é &bogus; & c & d")]
    [InlineData("a\u0001b\u000Bc", "abc")]
    [InlineData("1 < 2", "1 < 2")]
    [InlineData("&#0;&#x1F600;&#55296;", "\U0001F600&#55296;")]
    public void What_strict_XML_refuses_is_mended(string title, string read) =>
        Assert.Equal(read, Single(Rss($"<title>{title}</title>")).Title);

    [Theory]
    [InlineData("\n\n  <?xml version=\"1.0\"?>\n")]
    [InlineData("\uFEFF\uFEFF<?xml version=\"1.0\" encoding=\"utf-8\"?>")]
    [InlineData("<!-- before --><?xml version=\"1.0\"?>")]
    [InlineData("<?xml version=\"1.1\" encoding=\"utf-16\"?>")]
    [InlineData("<!DOCTYPE rss PUBLIC \"-//Netscape Communications//DTD RSS 0.91//EN\" \"http://my.netscape.com/publish/formats/rss-0.91.dtd\">")]
    public void What_stands_before_the_root_does_no_harm(string before) =>
        Assert.Equal("T", Single(before + Rss("<title>T</title>")).Title);

    [Fact]
    public void A_prefix_that_is_not_declared_means_what_it_usually_does() =>
        Assert.Equal("Ann", Single(Rss("<title>T</title><dc:creator>Ann</dc:creator><what:ever/>")).Author);

    [Fact]
    public void Of_a_persons_names_the_first_counts() => Assert.Equal("Ann", Single("""
        <feed xmlns="http://www.w3.org/2005/Atom"><entry>
          <author>by <name>Ann</name><email>a@b</email><name>Bob</name><email>c@d</email></author>
        </entry></feed>
        """).Author);

    [Fact]
    public void A_document_that_breaks_off_gives_the_entries_before_the_fault()
    {
        var feed = Parse("<rss version='2.0'><channel><item><title>1</title></item><item><title>2</ti");

        Assert.Equal("1", Assert.Single(feed.Entries).Title);
        Assert.StartsWith("The document is not well-formed after entry 1: line 1", feed.Fault, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "The document is empty.")]
    [InlineData(" \n ", "The document is empty.")]
    [InlineData("<html><body>Hello</body></html>", "The document is not a feed: it is a page.")]
    [InlineData("<opml/>", "The document is not a feed: its root is 'opml'.")]
    [InlineData("hello", "The document is not well-formed: line 1, position 1.")]
    [InlineData("<rss><channel><item>", "The document is not well-formed: line 1, position 21.")]
    [InlineData("{\"a\":1}", "The document is not a feed: it is JSON without a list of items.")]
    [InlineData("{", "The document is not a feed: it is no valid JSON.")]
    [InlineData("{\"items\":[{\"\\ud800\":1,\"id\":\"1\"}]}", "The document is not a feed: it is no valid JSON.")]
    public void What_is_no_feed_is_refused_with_a_sentence(string document, string sentence) =>
        Assert.Equal(sentence, Assert.Throws<FeedException>(() => Parse(document)).Message);

    [Theory]
    [InlineData("<rss version='2.0'/>")]
    [InlineData("<rss version='2.0'><channel/></rss>")]
    [InlineData("<rss version='2.0'><channel><item/></channel><channel/></rss>")]
    [InlineData("<feed xmlns='http://www.w3.org/2005/Atom'><entry/></feed>")]
    [InlineData("{\"items\":[]}")]
    public void A_feed_without_entries_is_a_feed(string document) => Assert.Empty(Parse(document).Entries);

    [Fact]
    public void Entities_of_the_document_are_never_expanded()
    {
        var declarations = new StringBuilder("<!ENTITY lol0 'lol'>");
        for (var i = 1; i < 20; i++)
            declarations.Append($"<!ENTITY lol{i} '{string.Concat(Enumerable.Repeat($"&lol{i - 1};", 10))}'>");
        var bomb = $"<!DOCTYPE rss [{declarations}<!ENTITY xxe SYSTEM 'file:///etc/passwd'>]>"
            + Rss("<title>&lol19;</title><description>&xxe;</description>");
        var before = GC.GetTotalAllocatedBytes(precise: true);

        var entry = Single(bomb);

        Assert.Equal("&lol19;", entry.Title);
        Assert.Equal("&xxe;", entry.Summary);
        Assert.InRange(GC.GetTotalAllocatedBytes(precise: true) - before, 0, 4 * 1024 * 1024);
    }

    [Theory]
    [InlineData("<title>{0}</title>")]
    [InlineData("<unknown>{0}</unknown>")]
    [InlineData("<description>{0}</description>")]
    public void Bottomless_nesting_is_refused(string around)
    {
        var nested = string.Concat(Enumerable.Repeat("<a>", 200_000));
        var document = Rss(string.Format(around, nested));

        Assert.Equal(
            "The document nests its elements too deeply.", Assert.Throws<FeedException>(() => Parse(document)).Message);
    }

    [Fact]
    public void Too_many_entries_are_refused() => Assert.Equal(
        "The feed lists more than 50000 entries.",
        Assert.Throws<FeedException>(() => Parse(
            $"<rss><channel>{string.Concat(Enumerable.Repeat("<item><guid>1</guid></item>", 50_001))}</channel></rss>")).Message);

    [Fact]
    public void What_is_said_once_for_all_entries_does_not_multiply()
    {
        var entries = string.Concat(Enumerable.Repeat("<item><link>a</link></item>", 20_000));
        var document = $"<rss xml:base='http://x/{new string('b', 1_000_000)}/'><channel>"
            + $"<managingEditor>{new string('c', 1_000_000)}</managingEditor>{entries}</channel></rss>";

        var bytes = FeedItems.From(Parse(document), DateTimeOffset.UnixEpoch).Sum(item => (long)item.Content.Length);

        Assert.InRange(bytes, 0, 64 * 1024 * 1024);
    }

    [Theory]
    [InlineData("<rss><channel><item><title>{0}</title></item></channel></rss>", "<")]
    [InlineData("<rss><channel><item><title>{0}</title></item></channel></rss>", "&")]
    [InlineData("<rss><channel><item><title>{0}</title></item></channel></rss>", "&lt;a")]
    [InlineData("<rss><channel><item><title>{0}</title></item></channel></rss>", "<![CDATA[")]
    [InlineData("<rss><channel><item><title>{0}</title></item></channel></rss>", "<!--")]
    [InlineData("<rss><channel><item><author>{0}</author></item></channel></rss>", "a@b (")]
    [InlineData("<rss {0}/>", " a='1'")]
    [InlineData("{0}", "{\"items\":[")]
    public void Reading_takes_time_in_proportion_to_size(string frame, string repeated)
    {
        var document = frame.Replace("{0}", string.Concat(Enumerable.Repeat(repeated, 200_000)), StringComparison.Ordinal);
        var clock = Stopwatch.StartNew();

        try
        {
            Parse(document);
        }
        catch (FeedException)
        {
            // Refused is as good as read; only the time counts.
        }

        Assert.InRange(clock.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(5));
    }

    [Theory]
    [InlineData("windows-1251", "Привет, мир")]
    [InlineData("koi8-r", "Привет, мир")]
    [InlineData("iso-8859-5", "Привет, мир")]
    [InlineData("shift_jis", "こんにちは世界")]
    [InlineData("euc-jp", "こんにちは世界")]
    [InlineData("gb2312", "你好世界")]
    [InlineData("big5", "你好世界")]
    [InlineData("euc-kr", "안녕하세요")]
    [InlineData("iso-8859-1", "Füße")]
    [InlineData("iso-8859-15", "5 €")]
    [InlineData("utf-8", "Füße \U0001F600")]
    public void A_charset_is_taken_from_HTTP_and_from_the_declaration(string charset, string text)
    {
        var encoding = Encoding.GetEncoding(charset);
        var plain = encoding.GetBytes(Rss($"<title>{text}</title>"));
        var declared = encoding.GetBytes($"<?xml version='1.0' encoding='{charset}'?>{Rss($"<title>{text}</title>")}");

        Assert.Equal(text, FeedParser.Parse(plain, charset, Address, default).Entries[0].Title);
        Assert.Equal(text, FeedParser.Parse(declared, null, Address, default).Entries[0].Title);
        Assert.Equal(text, FeedParser.Parse(declared, "x-unknown", Address, default).Entries[0].Title);
    }

    [Theory]
    [InlineData("utf-16", true)]
    [InlineData("utf-16", false)]
    [InlineData("utf-16BE", true)]
    [InlineData("utf-16BE", false)]
    [InlineData("utf-32", true)]
    [InlineData("utf-32", false)]
    [InlineData("utf-32BE", false)]
    [InlineData("utf-8", true)]
    public void Wide_encodings_are_recognised(string name, bool marked)
    {
        var encoding = Encoding.GetEncoding(name);
        byte[] bytes = [.. marked ? encoding.GetPreamble() : [], .. encoding.GetBytes(Rss("<title>Füße</title>"))];

        Assert.Equal("Füße", FeedParser.Parse(bytes, null, Address, default).Entries[0].Title);
    }

    [Theory]
    [InlineData(1252, "Les élèves français déjà très fâchés, à Noël")]
    [InlineData(1251, "Сегодня в Москве хорошая погода, а завтра дождь")]
    [InlineData(20866, "Сегодня в Москве хорошая погода, а завтра дождь")]
    [InlineData(1255, "היום מזג האוויר נאה מאוד ומחר ירד גשם")]
    [InlineData(1253, "Σήμερα ο καιρός είναι καλός και αύριο θα βρέξει")]
    public void A_charset_that_nobody_names_or_that_is_named_wrongly_is_guessed(int codePage, string text)
    {
        var document = $"<?xml version='1.0' encoding='utf-8'?>{Rss($"<title>{text}</title>")}";
        var bytes = Encoding.GetEncoding(codePage).GetBytes(document);

        Assert.Equal(text, FeedParser.Parse(bytes, "utf-8", Address, default).Entries[0].Title);
    }

    private static string Rss(string item) => $"<rss version='2.0'><channel><item>{item}</item></channel></rss>";

    private static FeedDocument Parse(string document) =>
        FeedParser.Parse(Encoding.UTF8.GetBytes(document), null, Address, default);

    private static FeedEntry Single(string document) => Assert.Single(Parse(document).Entries);
}
