namespace Databus.Connectors.Feeds;

/// <summary>The XML vocabularies whose elements are understood in feeds.</summary>
internal enum Vocabulary
{
    Unknown,
    Rss,
    Rdf,
    Atom,
    DublinCore,
    Content,
    Syndication,
    ITunes,
    Media,
    Xhtml,
}

internal static class Vocabularies
{
    public const string Rdf = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";

    private static readonly Dictionary<string, Vocabulary> ByNamespace = new(StringComparer.OrdinalIgnoreCase)
    {
        [""] = Vocabulary.Rss,
        ["http://purl.org/rss/1.0"] = Vocabulary.Rss,
        ["http://purl.org/net/rss1.1#"] = Vocabulary.Rss,
        ["http://my.netscape.com/rdf/simple/0.9"] = Vocabulary.Rss,
        ["http://channel.netscape.com/rdf/simple/0.9"] = Vocabulary.Rss,
        ["http://backend.userland.com/rss"] = Vocabulary.Rss,
        ["http://backend.userland.com/rss2"] = Vocabulary.Rss,
        ["http://backend.userland.com/rss091"] = Vocabulary.Rss,
        ["http://blogs.law.harvard.edu/tech/rss"] = Vocabulary.Rss,
        [Rdf] = Vocabulary.Rdf,
        ["http://www.w3.org/2005/atom"] = Vocabulary.Atom,
        ["http://purl.org/atom/ns#"] = Vocabulary.Atom,
        ["http://example.com/newformat#"] = Vocabulary.Atom,
        ["http://purl.org/dc/elements/1.0"] = Vocabulary.DublinCore,
        ["http://purl.org/dc/elements/1.1"] = Vocabulary.DublinCore,
        ["http://purl.org/dc/terms"] = Vocabulary.DublinCore,
        ["http://purl.org/rss/1.0/modules/content"] = Vocabulary.Content,
        ["http://purl.org/rss/1.0/modules/syndication"] = Vocabulary.Syndication,
        ["http://www.itunes.com/dtds/podcast-1.0.dtd"] = Vocabulary.ITunes,
        ["http://search.yahoo.com/mrss"] = Vocabulary.Media,
        ["http://www.w3.org/1999/xhtml"] = Vocabulary.Xhtml,
    };

    private static readonly Dictionary<string, string> ByPrefix = new(StringComparer.OrdinalIgnoreCase)
    {
        ["atom"] = "http://www.w3.org/2005/Atom",
        ["content"] = "http://purl.org/rss/1.0/modules/content/",
        ["dc"] = "http://purl.org/dc/elements/1.1/",
        ["dcterms"] = "http://purl.org/dc/terms/",
        ["itunes"] = "http://www.itunes.com/dtds/podcast-1.0.dtd",
        ["media"] = "http://search.yahoo.com/mrss/",
        ["rdf"] = Rdf,
        ["sy"] = "http://purl.org/rss/1.0/modules/syndication/",
    };

    // Case, a slash at the end and white space around it differ from feed to feed.
    public static Vocabulary Of(string xmlNamespace) =>
        ByNamespace.GetValueOrDefault(xmlNamespace.Trim().TrimEnd('/'));

    /// <summary>What a prefix usually stands for, for feeds that forget to declare it.</summary>
    public static string NamespaceOfPrefix(string prefix) =>
        ByPrefix.GetValueOrDefault(prefix) ?? "urn:undeclared:" + prefix;
}
