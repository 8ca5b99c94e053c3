using System.Net;
using System.Text;
using System.Xml;

namespace Databus.Connectors.Feeds;

/// <summary>
/// Mends what feeds most often get wrong in their XML, so that a strict reader takes it: entities of
/// HTML, bare ampersands and less-than signs, characters that XML forbids, an XML declaration that does
/// not stand first. What is well-formed stays as it means. Entities that the document declares itself
/// are not expanded: they stay visible as their own text.
/// </summary>
internal static class XmlRepair
{
    private const int LongestReference = 40;

    public static string Repair(string xml)
    {
        var result = new StringBuilder(xml.Length + 256);
        var position = 0;
        while (position < xml.Length)
        {
            if (xml[position] == '&')
                position = CopyReference(xml, position, result);
            else if (xml[position] == '<')
                position = CopyMarkup(xml, position, result);
            else
                position = CopyCharacter(xml, position, result);
        }
        return result.ToString();
    }

    private static int CopyMarkup(string xml, int start, StringBuilder result)
    {
        var rest = xml.AsSpan(start);
        if (rest.StartsWith("<![CDATA["))
            return CopyThrough(xml, start, "]]>", result);
        if (rest.StartsWith("<!--"))
            return CopyComment(xml, start);
        if (rest.StartsWith("<?"))
            return EndOf(xml, start, "?>");
        if (rest.Length > 1 && (char.IsLetter(rest[1]) || rest[1] is '/' or '!' or '_' or ':'))
        {
            result.Append('<');
            return start + 1;
        }
        result.Append("&lt;");
        return start + 1;
    }

    // Comments and processing instructions say nothing in a feed, and are often malformed.
    private static int CopyComment(string xml, int start) => EndOf(xml, start, "-->");

    private static int EndOf(string xml, int start, string terminator)
    {
        var end = xml.IndexOf(terminator, start, StringComparison.Ordinal);
        return end < 0 ? xml.Length : end + terminator.Length;
    }

    private static int CopyThrough(string xml, int start, string terminator, StringBuilder result)
    {
        var end = EndOf(xml, start, terminator);
        for (var position = start; position < end;)
            position = CopyCharacter(xml, position, result);
        return end;
    }

    private static int CopyCharacter(string xml, int position, StringBuilder result)
    {
        if (XmlConvert.IsXmlChar(xml[position]))
        {
            result.Append(xml[position]);
            return position + 1;
        }
        if (position + 1 < xml.Length && char.IsSurrogatePair(xml[position], xml[position + 1]))
        {
            result.Append(xml, position, 2);
            return position + 2;
        }
        return position + 1;
    }

    private static int CopyReference(string xml, int start, StringBuilder result)
    {
        var window = xml.AsSpan(start, Math.Min(LongestReference, xml.Length - start));
        var length = window.IndexOf(';') + 1;
        var reference = window[..length].ToString();
        if (reference is "&amp;" or "&lt;" or "&gt;" or "&quot;" or "&apos;")
        {
            result.Append(reference);
            return start + length;
        }
        var decoded = length > 2 ? WebUtility.HtmlDecode(reference) : reference;
        if (decoded == reference)
        {
            result.Append("&amp;");
            return start + 1;
        }
        for (var i = 0; i < decoded.Length;)
        {
            if (decoded[i] is '<' or '>' or '&' or '"' or '\'')
                result.Append("&#").Append((int)decoded[i++]).Append(';');
            else
                i = CopyCharacter(decoded, i, result);
        }
        return start + length;
    }
}
