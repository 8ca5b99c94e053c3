using System.Globalization;
using System.Xml;

namespace Databus.Connectors.Feeds;

/// <summary>
/// Reads RSS 0.9x, 1.0 and 2.0 and Atom 0.3 and 1.0 in one pass. The formats differ in where entries
/// stand; what stands inside of an entry is told by vocabulary and name, because feeds mix them freely.
/// </summary>
internal sealed class XmlFeedReader
{
    private readonly XmlReader _xml;
    private readonly CancellationToken _cancellation;
    private readonly FeedDocument _feed;
    private readonly bool _isAtom;
    private readonly string? _ownNamespace;
    private string? _updatePeriod;
    private int _updateFrequency = 1;

    private XmlFeedReader(XmlReader xml, FeedDocument feed, CancellationToken cancellation)
    {
        _xml = xml;
        _feed = feed;
        _cancellation = cancellation;
        _isAtom = feed.Format.StartsWith("atom", StringComparison.Ordinal);
        _ownNamespace = xml.LocalName == "RDF" ? null : xml.NamespaceURI;
    }

    /// <summary>Reads the whole document.</summary>
    /// <exception cref="XmlException">The document is not well-formed.</exception>
    /// <exception cref="FeedException">The document is no feed, or a limit is passed.</exception>
    public static FeedDocument Read(string text, Uri address, CancellationToken cancellation) =>
        Read(text, address, keepWhatIsWhole: false, cancellation);

    /// <summary>As <see cref="Read(string, Uri, CancellationToken)"/>, but keeps the entries before a fault.</summary>
    public static FeedDocument ReadAsFarAsPossible(string text, Uri address, CancellationToken cancellation)
    {
        try
        {
            return Read(text, address, keepWhatIsWhole: true, cancellation);
        }
        catch (XmlException error)
        {
            throw new FeedException($"The document is not well-formed: {Describe(error)}");
        }
    }

    private static FeedDocument Read(string text, Uri address, bool keepWhatIsWhole, CancellationToken cancellation)
    {
        using var xml = FeedXml.Open(text);
        var feed = new FeedDocument { Format = FindRoot(xml) };
        var reader = new XmlFeedReader(xml, feed, cancellation);
        try
        {
            reader.ReadContainer(address);
        }
        catch (XmlException error) when (keepWhatIsWhole && feed.Entries.Count > 0)
        {
            feed.Fault = $"The document is not well-formed after entry {feed.Entries.Count}: {Describe(error)}";
        }
        reader.Finish();
        return feed;
    }

    private static string Describe(XmlException error) =>
        $"line {error.LineNumber}, position {error.LinePosition}.";

    // A feed may be wrapped in something else, such as a page; what counts is the first element that can be one.
    private static string FindRoot(XmlReader xml)
    {
        string? outermost = null;
        while (xml.Read())
        {
            if (xml.NodeType != XmlNodeType.Element)
                continue;
            FeedXml.CheckDepth(xml);
            outermost ??= xml.LocalName;
            switch (xml.LocalName)
            {
                case "feed":
                    return "atom " + (xml.GetAttribute("version") is "0.3" ? "0.3" : "1.0");
                case "rss":
                    return $"rss {PlainText.Line(xml.GetAttribute("version"))}".TrimEnd();
                case "RDF" when Vocabularies.Of(xml.NamespaceURI) == Vocabulary.Rdf:
                    return "rss 1.0";
            }
        }
        throw new FeedException(outermost switch
        {
            null => "The document is not a feed: it holds no element.",
            "html" or "HTML" => "The document is not a feed: it is a page.",
            _ => $"The document is not a feed: its root is '{PlainText.Line(outermost)}'.",
        });
    }

    // Feed, channel and RDF hold what describes the feed, and entries, in any order.
    private void ReadContainer(Uri outer)
    {
        var address = FeedLink.Base(_xml.GetAttribute("xml:base"), outer);
        var depth = _xml.Depth;
        var isEmpty = _xml.IsEmptyElement;
        _xml.Read();
        while (!isEmpty && FeedXml.NextChild(_xml, depth))
        {
            var vocabulary = VocabularyHere();
            switch (_xml.LocalName)
            {
                case "channel" when vocabulary == Vocabulary.Rss && depth < FeedLimits.MaxDepth:
                    ReadContainer(address);
                    break;
                case "item" when vocabulary == Vocabulary.Rss:
                case "entry" when vocabulary is Vocabulary.Atom or Vocabulary.Rss:
                    ReadEntry(address);
                    break;
                default:
                    ReadFeedField(vocabulary);
                    break;
            }
        }
    }

    private void ReadFeedField(Vocabulary vocabulary)
    {
        switch (vocabulary, _xml.LocalName)
        {
            case (Vocabulary.Rss or Vocabulary.Atom, "title"):
                _feed.Title = First(_feed.Title, FeedElement.ReadTitle(_xml, vocabulary));
                break;
            case (Vocabulary.Atom or Vocabulary.Rss, "author"):
            case (Vocabulary.Rss, "managingEditor"):
            case (Vocabulary.ITunes, "author"):
            case (Vocabulary.DublinCore, "creator"):
                _feed.Author = First(_feed.Author, FeedElement.ReadPerson(_xml));
                break;
            case (Vocabulary.Rss, "ttl"):
                if (int.TryParse(FeedElement.ReadText(_xml), NumberStyles.None, CultureInfo.InvariantCulture, out var minutes))
                    _feed.TimeToLive = TimeSpan.FromMinutes(minutes);
                break;
            case (Vocabulary.Syndication, "updatePeriod"):
                _updatePeriod = FeedElement.ReadText(_xml).Trim().ToLowerInvariant();
                break;
            case (Vocabulary.Syndication, "updateFrequency"):
                if (int.TryParse(FeedElement.ReadText(_xml), NumberStyles.Any, CultureInfo.InvariantCulture, out var times))
                    _updateFrequency = Math.Max(1, times);
                break;
            default:
                FeedXml.Skip(_xml);
                break;
        }
    }

    private void ReadEntry(Uri outer)
    {
        _cancellation.ThrowIfCancellationRequested();
        if (_feed.Entries.Count >= FeedLimits.MaxEntries)
            throw new FeedException($"The feed lists more than {FeedLimits.MaxEntries} entries.");
        var address = FeedLink.Base(_xml.GetAttribute("xml:base"), outer);
        var draft = new EntryDraft { About = _xml.GetAttribute("about", Vocabularies.Rdf) };
        if (_xml.IsEmptyElement)
        {
            _xml.Read();
        }
        else
        {
            var depth = _xml.Depth;
            _xml.Read();
            while (FeedXml.NextChild(_xml, depth))
                ReadEntryField(draft, address);
            _xml.Read();
        }
        var entry = draft.Finish(address);
        if (!entry.IsEmpty)
            _feed.Entries.Add(entry);
    }

    private void ReadEntryField(EntryDraft draft, Uri outer)
    {
        var vocabulary = VocabularyHere();
        var address = FeedLink.Base(_xml.GetAttribute("xml:base"), outer);
        switch (vocabulary, _xml.LocalName)
        {
            case (Vocabulary.Rss, "title"):
            case (Vocabulary.Atom, "title"):
                draft.Titles.Offer(rank: 0, FeedElement.ReadTitle(_xml, vocabulary));
                break;
            case (Vocabulary.DublinCore or Vocabulary.ITunes or Vocabulary.Media, "title"):
                draft.Titles.Offer(rank: 1, FeedElement.ReadTitle(_xml, vocabulary));
                break;

            case (Vocabulary.Rss, "guid"):
                draft.GuidIsLink = !string.Equals(
                    _xml.GetAttribute("isPermaLink")?.Trim(), "false", StringComparison.OrdinalIgnoreCase);
                draft.Ids.Offer(rank: 0, FeedElement.ReadId(_xml));
                break;
            case (Vocabulary.Atom or Vocabulary.Rss, "id"):
                draft.Ids.Offer(vocabulary == Vocabulary.Atom ? 0 : 1, FeedElement.ReadId(_xml));
                break;
            case (Vocabulary.DublinCore, "identifier"):
                draft.Ids.Offer(rank: 2, FeedElement.ReadId(_xml));
                break;

            case (Vocabulary.Atom or Vocabulary.Rss, "link"):
                ReadLink(draft, address);
                break;
            case (Vocabulary.Rss, "enclosure"):
                Add(draft.Entry.Enclosures, Enclosure(_xml.GetAttribute("url"), address));
                FeedXml.Skip(_xml);
                break;

            // RSS asks for a mail address as the author; Dublin Core gives a name.
            case (Vocabulary.Atom, "author"):
            case (Vocabulary.DublinCore, "creator" or "author"):
                draft.Authors.Offer(rank: 0, FeedElement.ReadPerson(_xml));
                break;
            case (Vocabulary.Rss, "author"):
                draft.Authors.Offer(rank: 1, FeedElement.ReadPerson(_xml));
                break;
            case (Vocabulary.ITunes, "author"):
                draft.Authors.Offer(rank: 2, FeedElement.ReadPerson(_xml));
                break;

            case (Vocabulary.Atom, "published" or "issued"):
            case (Vocabulary.Rss, "pubDate" or "published"):
                draft.Published.Offer(rank: 0, FeedDate.Parse(FeedElement.ReadText(_xml)));
                break;
            case (Vocabulary.DublinCore, "date" or "issued"):
                draft.Published.Offer(rank: 1, FeedDate.Parse(FeedElement.ReadText(_xml)));
                break;
            case (Vocabulary.Atom or Vocabulary.DublinCore, "created"):
                draft.Published.Offer(rank: 2, FeedDate.Parse(FeedElement.ReadText(_xml)));
                break;
            case (Vocabulary.Atom, "updated" or "modified"):
                draft.Updated.Offer(rank: 0, FeedDate.Parse(FeedElement.ReadText(_xml)));
                break;
            case (Vocabulary.DublinCore, "modified"):
            case (Vocabulary.Rss, "updated"):
                draft.Updated.Offer(rank: 1, FeedDate.Parse(FeedElement.ReadText(_xml)));
                break;

            case (Vocabulary.Atom or Vocabulary.Rss, "summary"):
                draft.Summaries.Offer(rank: 0, FeedElement.ReadHtml(_xml, vocabulary));
                break;
            case (Vocabulary.Rss, "description"):
                draft.Summaries.Offer(rank: 1, FeedElement.ReadHtml(_xml, vocabulary));
                break;
            case (Vocabulary.DublinCore or Vocabulary.Media, "description"):
            case (Vocabulary.ITunes, "summary"):
                draft.Summaries.Offer(rank: 2, FeedElement.ReadHtml(_xml, vocabulary));
                break;
            case (Vocabulary.Atom, "content"):
            case (Vocabulary.Content, "encoded"):
            case (Vocabulary.Xhtml, "body" or "div"):
                draft.Contents.Offer(rank: 0, FeedElement.ReadHtml(_xml, vocabulary));
                break;

            case (Vocabulary.Atom, "category"):
                Add(draft.Entry.Categories, PlainText.Line(_xml.GetAttribute("term")));
                FeedXml.Skip(_xml);
                break;
            case (Vocabulary.Rss, "category"):
            case (Vocabulary.DublinCore, "subject"):
                Add(draft.Entry.Categories, PlainText.FromHtml(FeedElement.ReadText(_xml)));
                break;
            case (Vocabulary.Media, "group"):
                ReadMediaGroup(draft, address);
                break;
            default:
                FeedXml.Skip(_xml);
                break;
        }
    }

    private void ReadMediaGroup(EntryDraft draft, Uri address)
    {
        if (_xml.IsEmptyElement || _xml.Depth > FeedLimits.MaxDepth)
        {
            FeedXml.Skip(_xml);
            return;
        }
        var depth = _xml.Depth;
        _xml.Read();
        while (FeedXml.NextChild(_xml, depth))
        {
            if (VocabularyHere() == Vocabulary.Media && _xml.LocalName is "title" or "description")
                ReadEntryField(draft, address);
            else
                FeedXml.Skip(_xml);
        }
        _xml.Read();
    }

    private void ReadLink(EntryDraft draft, Uri address)
    {
        var href = _xml.GetAttribute("href");
        if (href is null)
        {
            draft.Links.Offer(rank: 0, FeedLink.Resolve(FeedElement.ReadText(_xml), address));
            return;
        }
        var rel = _xml.GetAttribute("rel")?.Trim().ToLowerInvariant();
        if (rel is null or "" or "alternate")
        {
            var isPage = _xml.GetAttribute("type") is null or "" or "text/html" or "application/xhtml+xml";
            draft.Links.Offer(isPage ? 1 : 2, FeedLink.Resolve(href, address));
        }
        else if (rel == "enclosure")
        {
            Add(draft.Entry.Enclosures, Enclosure(href, address));
        }
        else if (rel is "self" or "related" or "via")
        {
            draft.Links.Offer(rank: 4, FeedLink.Resolve(href, address));
        }
        FeedXml.Skip(_xml);
    }

    private FeedEnclosure? Enclosure(string? url, Uri address)
    {
        if (FeedLink.Resolve(url, address) is not { } link)
            return null;
        var hasLength = long.TryParse(
            _xml.GetAttribute("length"), NumberStyles.None, CultureInfo.InvariantCulture, out var length);
        return new FeedEnclosure(link, PlainText.Line(_xml.GetAttribute("type")), hasLength ? length : null);
    }

    // Elements of the root's own namespace, known or not, belong to the root's format.
    private Vocabulary VocabularyHere()
    {
        var vocabulary = _xml.NamespaceURI == _ownNamespace ? Vocabulary.Rss : Vocabularies.Of(_xml.NamespaceURI);
        return vocabulary == Vocabulary.Rss && _isAtom ? Vocabulary.Atom : vocabulary;
    }

    // Not the operator: an element has to be read, and so moved behind, even where its value is known.
    private static string? First(string? known, string? read) => known ?? read;

    private static void Add<T>(List<T> list, T? value)
        where T : class
    {
        if (value is not null && list.Count < FeedLimits.MaxListLength && !list.Contains(value))
            list.Add(value);
    }

    private void Finish()
    {
        _feed.TimeToLive ??= _updatePeriod switch
        {
            "hourly" => TimeSpan.FromHours(1) / _updateFrequency,
            "daily" => TimeSpan.FromDays(1) / _updateFrequency,
            "weekly" => TimeSpan.FromDays(7) / _updateFrequency,
            "monthly" => TimeSpan.FromDays(30) / _updateFrequency,
            "yearly" => TimeSpan.FromDays(365) / _updateFrequency,
            _ => null,
        };
        foreach (var entry in _feed.Entries)
            entry.Author ??= _feed.Author;
    }
}
