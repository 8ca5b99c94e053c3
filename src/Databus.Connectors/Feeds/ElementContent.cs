using System.Net;
using System.Text;
using System.Xml;

namespace Databus.Connectors.Feeds;

/// <summary>What stands inside an element that holds text or markup.</summary>
/// <param name="Value">The text, decoded; or markup as HTML, where there are elements inside.</param>
internal readonly record struct ElementContent(string Value, bool IsMarkup)
{
    /// <summary>
    /// Reads the element that the reader stands on and moves behind it. Elements inside are written out
    /// again without their prefixes and namespace declarations, since HTML knows neither.
    /// </summary>
    public static ElementContent Read(XmlReader reader)
    {
        if (reader.IsEmptyElement)
        {
            reader.Read();
            return new ElementContent("", IsMarkup: false);
        }
        var depth = reader.Depth;
        var content = new StringBuilder();
        var isMarkup = false;
        while (reader.Read() && reader.Depth > depth)
        {
            switch (reader.NodeType)
            {
                case XmlNodeType.Element:
                    FeedXml.CheckDepth(reader);
                    if (!isMarkup)
                    {
                        content = new StringBuilder(Encode(content.ToString()));
                        isMarkup = true;
                    }
                    AppendStart(reader, content);
                    break;
                case XmlNodeType.EndElement:
                    content.Append("</").Append(reader.LocalName).Append('>');
                    break;
                case XmlNodeType.Text or XmlNodeType.CDATA or XmlNodeType.Whitespace or XmlNodeType.SignificantWhitespace:
                    content.Append(isMarkup ? Encode(reader.Value) : reader.Value);
                    break;
            }
            if (content.Length > FeedLimits.MaxMarkupLength)
                throw new FeedException("An entry of the feed is too large.");
        }
        reader.Read();
        return new ElementContent(content.ToString(), isMarkup);
    }

    /// <summary>Encodes text for HTML, and no more of it than HTML needs.</summary>
    public static string Encode(string text) =>
        text.Replace("&", "&amp;", StringComparison.Ordinal)
            .Replace("<", "&lt;", StringComparison.Ordinal)
            .Replace(">", "&gt;", StringComparison.Ordinal);

    private static void AppendStart(XmlReader reader, StringBuilder content)
    {
        var name = reader.LocalName;
        var isEmpty = reader.IsEmptyElement;
        content.Append('<').Append(name);
        while (reader.MoveToNextAttribute())
        {
            if (reader.Prefix == "xmlns" || reader.Name == "xmlns" || reader.Prefix == "xml")
                continue;
            content.Append(' ').Append(reader.LocalName).Append("=\"").Append(WebUtility.HtmlEncode(reader.Value)).Append('"');
        }
        reader.MoveToElement();
        content.Append('>');
        if (isEmpty && !IsVoid(name))
            content.Append("</").Append(name).Append('>');
    }

    private static bool IsVoid(string name) => name.ToLowerInvariant() is
        "area" or "base" or "br" or "col" or "embed" or "hr" or "img" or "input" or "link" or "meta" or "source"
        or "track" or "wbr";
}
