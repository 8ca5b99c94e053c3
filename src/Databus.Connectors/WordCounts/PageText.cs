using AngleSharp;
using AngleSharp.Dom;
using AngleSharp.Html.Dom;
using AngleSharp.Html.Parser;

namespace Databus.Connectors.WordCounts;

/// <summary>The text of an HTML page as a reader sees it, without what is meant for programs.</summary>
internal static class PageText
{
    /// <summary>
    /// More than any page for readers has. A few bytes of wrong markup can ask for elements without end: each paragraph opens
    /// anew what was never closed before it.
    /// </summary>
    public const int MostElements = 1_000_000;

    private const int LongestTitle = 500;

    private static readonly HashSet<string> Unread = new(StringComparer.OrdinalIgnoreCase)
    {
        "script", "style", "noscript", "template", "title", "textarea", "svg", "math", "iframe", "noframes", "noembed",
    };

    /// <summary>These do not separate words.</summary>
    private static readonly HashSet<string> WithinWords = new(StringComparer.OrdinalIgnoreCase)
    {
        "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i", "ins", "kbd", "label", "mark", "nobr",
        "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr",
    };

    /// <summary>Counts the words of a page. Null: the page asks for more elements than a page has.</summary>
    public static (string? Title, string? Language)? Count(string html, WordTally words, CancellationToken cancellationToken)
    {
        try
        {
            var elements = new BoundedElements(BrowsingContext.New().GetService<IElementFactory<Document, HtmlElement>>()!, cancellationToken);
            var parser = new HtmlParser(new HtmlParserOptions(), BrowsingContext.New(Configuration.Default.WithOnly<IElementFactory<Document, HtmlElement>>(elements)));
            using var page = parser.ParseDocument(html);
            if (page.Body is { } body)
                Count(body, words, cancellationToken);
            words.EndWord();
            return (Line(page.Title), page.DocumentElement?.GetAttribute("lang"));
        }
        catch (InvalidDataException)
        {
            return null;
        }
    }

    // Not by recursion: a page may be nested deeper than the stack.
    private static void Count(INode root, WordTally words, CancellationToken cancellationToken)
    {
        for (var node = root; node is not null;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (node is IText text)
                words.Add(text.Data);
            var separates = node is IElement element && !WithinWords.Contains(element.LocalName);
            if (separates)
                words.EndWord();
            if (node.FirstChild is { } child && !IsUnread(node))
            {
                node = child;
                continue;
            }

            while (node != root && node.NextSibling is null)
            {
                node = node.Parent!;
                if (node is IElement left && !WithinWords.Contains(left.LocalName))
                    words.EndWord();
            }

            if (node == root)
                return;
            if (node is IElement ended && !WithinWords.Contains(ended.LocalName))
                words.EndWord();
            node = node.NextSibling!;
        }
    }

    private static bool IsUnread(INode node) => node is IElement element && (Unread.Contains(element.LocalName) || element.HasAttribute("hidden"));

    private static string? Line(string? title)
    {
        var line = string.Join(' ', (title ?? "").Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        if (line.Length <= LongestTitle)
            return line.Length == 0 ? null : line;
        return char.IsHighSurrogate(line[LongestTitle - 1]) ? line[..(LongestTitle - 1)] : line[..LongestTitle];
    }

    /// <summary>Stands where each element is made, also those that the page never names.</summary>
    private sealed class BoundedElements(IElementFactory<Document, HtmlElement> factory, CancellationToken cancellationToken) : IElementFactory<Document, HtmlElement>
    {
        private int _made;

        public HtmlElement Create(Document document, string localName, string? prefix = null, NodeFlags flags = NodeFlags.None)
        {
            cancellationToken.ThrowIfCancellationRequested();
            return ++_made <= MostElements ? factory.Create(document, localName, prefix, flags) : throw new InvalidDataException();
        }
    }
}
