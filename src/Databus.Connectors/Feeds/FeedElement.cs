using System.Text;
using System.Xml;

namespace Databus.Connectors.Feeds;

/// <summary>
/// Reads the values of a feed's elements: titles, texts, people. Each method reads the element that the
/// reader stands on and moves behind it.
/// </summary>
internal static class FeedElement
{
    // RFC 4287, 3.1.1.3: the div around XHTML is not part of it.
    private const string Wrapper = "<div>";
    private const string WrapperEnd = "</div>";

    public static string ReadText(XmlReader xml) => ElementContent.Read(xml) switch
    {
        { IsMarkup: true } markup => PlainText.FromHtml(markup.Value) ?? "",
        var text => text.Value,
    };

    public static string? ReadId(XmlReader xml)
    {
        var id = ReadText(xml).Trim();
        return id.Length == 0 ? null : id;
    }

    public static string? ReadTitle(XmlReader xml, Vocabulary vocabulary)
    {
        var isHtml = IsHtml(xml, vocabulary);
        var content = ReadDecoded(xml);
        return content.IsMarkup || isHtml ? PlainText.FromHtml(content.Value) : PlainText.Line(content.Value);
    }

    public static string? ReadHtml(XmlReader xml, Vocabulary vocabulary)
    {
        var isHtml = IsHtml(xml, vocabulary);
        var isWrapped = vocabulary == Vocabulary.Atom && xml.GetAttribute("type") is "xhtml";
        var content = ReadDecoded(xml);
        var html = (content.IsMarkup || isHtml ? content.Value : ElementContent.Encode(content.Value)).Trim();
        if (isWrapped && html.StartsWith(Wrapper, StringComparison.Ordinal) && html.EndsWith(WrapperEnd, StringComparison.Ordinal))
            html = html[Wrapper.Length..^WrapperEnd.Length].Trim();
        return html.Length == 0 ? null : html;
    }

    /// <summary>A name where there is one: Atom's people have parts, RSS's are one text.</summary>
    public static string? ReadPerson(XmlReader xml)
    {
        if (xml.IsEmptyElement)
        {
            xml.Read();
            return null;
        }
        var depth = xml.Depth;
        var text = new StringBuilder();
        string? name = null, email = null;
        xml.Read();
        while (!xml.EOF && xml.Depth > depth)
        {
            switch (xml.NodeType)
            {
                case XmlNodeType.Element when name is null && xml.LocalName == "name":
                    name = PlainText.Line(ReadText(xml));
                    continue;
                case XmlNodeType.Element when email is null && xml.LocalName == "email":
                    email = PlainText.Line(ReadText(xml));
                    continue;
                case XmlNodeType.Element:
                    FeedXml.Skip(xml);
                    continue;
                case XmlNodeType.Text or XmlNodeType.CDATA:
                    text.Append(xml.Value).Append(' ');
                    break;
            }
            xml.Read();
        }
        xml.Read();
        return name ?? email ?? PersonName.Of(PlainText.FromHtml(text.ToString()));
    }

    // Outside of Atom nothing says what a text is, and most of them are HTML.
    private static bool IsHtml(XmlReader xml, Vocabulary vocabulary)
    {
        var type = Type(xml);
        return vocabulary != Vocabulary.Atom || IsBase64(xml)
            || type is "html" or "text/html" or "xhtml" or "application/xhtml+xml"
            || (type is null && xml.GetAttribute("mode") is "escaped");
    }

    // Atom 0.3 says base64 by a mode; Atom 1.0 by a type that is neither text nor XML.
    private static bool IsBase64(XmlReader xml)
    {
        var mode = xml.GetAttribute("mode");
        return mode is "base64" || (mode is null && Type(xml) is { } type && type.Contains('/', StringComparison.Ordinal)
            && !type.StartsWith("text/", StringComparison.Ordinal) && !type.EndsWith("/xml", StringComparison.Ordinal)
            && !type.EndsWith("+xml", StringComparison.Ordinal));
    }

    private static string? Type(XmlReader xml) => xml.GetAttribute("type")?.Trim().ToLowerInvariant();

    private static ElementContent ReadDecoded(XmlReader xml)
    {
        var isBase64 = IsBase64(xml);
        var content = ElementContent.Read(xml);
        if (!isBase64 || content.IsMarkup)
            return content;
        var bytes = new byte[content.Value.Length];
        return Convert.TryFromBase64String(content.Value, bytes, out var length)
            && DocumentText.TryDecode(bytes.AsSpan(0, length), Encoding.UTF8) is { } text
                ? content with { Value = text }
                : content;
    }
}
