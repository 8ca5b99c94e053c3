using System.Text.Json;
using Databus.Connectors.Feeds;
using Databus.Connectors.Http;

namespace Databus.Connectors.Tests.Feeds;

/// <summary>What other readers' test suites know about a feed has to be what is read here, or differ for a reason.</summary>
public sealed class KnownFactsTests
{
    private const string NoAddressInAuthor = "author is the name alone, without the mail address";
    private const string HtmlStays = "HTML stays as sent: addresses inside of it are not rewritten";
    private const string NotCdf = "CDF is not read";
    private const string NothingSaid = "an entry that says nothing at all makes no item";
    private const string WrapperStays = "the div around XHTML is taken off for Atom 1.0 only, where it is required";
    private const string BrokenEarly = "end tags do not match before the first entry, so there is nothing to keep";

    // By file, why what is known of it elsewhere is not what is read here.
    private static readonly Dictionary<string, string> Disagreements = new(StringComparer.Ordinal)
    {
        ["conformance/feedparser/wellformed-atom10/entry_author_map_author.xml"] = NoAddressInAuthor,
        ["conformance/feedparser/wellformed-atom10/feed_author_map_author.xml"] = NoAddressInAuthor,
        ["conformance/feedparser/wellformed-base/http_entry_content_base64_base_docuri.xml"] = HtmlStays,
        ["conformance/feedparser/wellformed-base/http_entry_content_base_docuri.xml"] = HtmlStays,
        ["conformance/feedparser/wellformed-base/http_item_content_encoded_base_content_location.xml"] = HtmlStays,
        ["conformance/feedparser/wellformed-base/http_item_fullitem_base_docuri.xml"] = "fullitem was never part of a format",
        ["conformance/feedparser/wellformed-base/http_item_xhtml_body_base_content_location.xml"] = HtmlStays,
        ["conformance/feedparser/wellformed-base/rel_uri_with_unicode_character.xml"] = HtmlStays,
        ["conformance/gofeed/parser-atom/entry_content_xml_base.xml"] = HtmlStays,
        ["conformance/gofeed/parser-atom/entry_content_xml_base_inherit_3.xml"] = HtmlStays,
        ["conformance/feedparser/wellformed-cdf/channel_abstract_map_description.xml"] = NotCdf,
        ["conformance/feedparser/wellformed-cdf/channel_title.xml"] = NotCdf,
        ["conformance/feedparser/wellformed-cdf/item_abstract_map_description.xml"] = NotCdf,
        ["conformance/feedparser/wellformed-cdf/item_href_map_link.xml"] = NotCdf,
        ["conformance/feedparser/wellformed-rss/item_summary_and_description.xml"] = "RSS has no summary; where both stand, it wins",
        ["conformance/gofeed/parser-atom/atom03_feed_entry_summary_xhtml_escaped_markup.xml"] = WrapperStays,
        ["conformance/gofeed/parser-atom/atom10_feed_entry_content_html_div_escaped_markup.xml"] = WrapperStays,
        ["conformance/gofeed/parser-atom/atom10_feed_entry_category_scheme.xml"] = NothingSaid,
        ["conformance/gofeed/parser-atom/atom10_feed_entry_link_hreflang.xml"] = NothingSaid,
        ["real/rome-duration-bad.xml"] = NothingSaid,
        ["conformance/gofeed/parser-atom/atom10_feed_entry_title_base64.xml"] = "the index holds the base64; here it is decoded",
        ["conformance/gofeed/parser-atom/atom10_feed_title_xhtml_escaped_markup.xml"] = BrokenEarly,
        ["conformance/gofeed/parser-rss/rss_channel_language.xml"] = BrokenEarly,
        ["conformance/gofeed/parser-rss/rss_channel_item_xml_base.xml"] = "the index holds the relative link; here xml:base counts",
        ["conformance/gofeed/translator-rss/feed_item_fallbacks_-_rss_channel_item_extensions.xml"] = "dc:date is when it was published, not also when it changed",
        ["conformance/gofeed/translator-rss/feed_item_links_-_rss_channel_item_links.xml"] = "the first link counts, not the last",
        ["encoding/derived-ru-cp1251-declared-utf8.xml"] = "the base holds text broken earlier; its few raw bytes are no words that a charset could be told by",
        ["encoding/feedparser/encoding/demoronize-1.xml"] = "C1 control characters are not taken for Windows-1252",
        ["real/fr-Rss20ItunesSample.xml"] = "+3000 is no time zone, so the date is unreadable",
    };

    private static readonly Uri Address = new("http://127.0.0.1:8097/feed.xml");

    [Fact]
    public void Every_file_is_read_or_refused_with_a_sentence()
    {
        foreach (var entry in RealFeeds.Entries)
        {
            var (feed, refusal) = Read(entry);
            Assert.True(feed is not null || refusal!.EndsWith('.'), File(entry));
        }
    }

    [Fact]
    public void Known_facts_agree_except_where_a_reason_is_given()
    {
        var found = RealFeeds.Entries.SelectMany(Compare).ToLookup(difference => difference.File, StringComparer.Ordinal);

        Assert.All(found, differences => Assert.True(Disagreements.ContainsKey(differences.Key), differences.First().ToString()));
        Assert.All(Disagreements.Keys, file => Assert.True(found.Contains(file), $"{file} agrees by now."));
    }

    private static IEnumerable<Difference> Compare(JsonElement entry)
    {
        var (feed, refusal) = Read(entry);
        foreach (var fact in KnownFact.Of(entry))
        {
            var actual = feed is null ? $"refused: {refusal}" : fact.Read(feed);
            if (!fact.Agrees(actual))
                yield return new Difference(File(entry), fact.Name, fact.Expected, actual);
        }
    }

    private static (FeedDocument? Feed, string? Refusal) Read(JsonElement entry)
    {
        string? contentType = null;
        if (entry.TryGetProperty("http", out var http))
        {
            contentType = http.GetProperty("headers").EnumerateObject()
                .Where(h => h.Name.Equals("Content-Type", StringComparison.OrdinalIgnoreCase))
                .Select(h => h.Value.GetString()).FirstOrDefault();
        }
        try
        {
            return (FeedParser.Parse(RealFeeds.Bytes(File(entry)), MediaType.Charset(contentType), Address, default), null);
        }
        catch (FeedException error)
        {
            return (null, error.Message);
        }
    }

    private static string File(JsonElement entry) => entry.GetProperty("file").GetString()!;

    internal sealed record Difference(string File, string Fact, string Expected, string? Actual);
}
