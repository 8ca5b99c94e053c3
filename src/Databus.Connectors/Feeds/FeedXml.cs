using System.Xml;

namespace Databus.Connectors.Feeds;

/// <summary>How feeds are read as XML: nothing is fetched, no entity is expanded, and depth is bounded.</summary>
internal static class FeedXml
{
    public static XmlReader Open(string xml)
    {
        var names = new NameTable();
        var settings = new XmlReaderSettings
        {
            // Old RSS names the DTD of Netscape: it is skipped, so that none of its entities exist.
            DtdProcessing = DtdProcessing.Ignore,
            XmlResolver = null,
            MaxCharactersInDocument = Math.Max(1, xml.Length),
            MaxCharactersFromEntities = 1024,
            IgnoreComments = true,
            IgnoreProcessingInstructions = true,
            CheckCharacters = true,
            NameTable = names,
        };
        var context = new XmlParserContext(names, new ForgivingNamespaces(names), xmlLang: null, XmlSpace.None);
        return XmlReader.Create(new StringReader(WithoutDeclaration(xml)), settings, context);
    }

    public static void CheckDepth(XmlReader reader)
    {
        if (reader.Depth > FeedLimits.MaxDepth)
            throw new FeedException("The document nests its elements too deeply.");
    }

    /// <summary>Moves to the next child element of the one whose depth is given; false at its end.</summary>
    public static bool NextChild(XmlReader reader, int parentDepth)
    {
        while (!reader.EOF)
        {
            if (reader.NodeType == XmlNodeType.Element && reader.Depth == parentDepth + 1)
                return true;
            if (reader.NodeType == XmlNodeType.EndElement && reader.Depth <= parentDepth)
                return false;
            reader.Read();
        }
        return false;
    }

    /// <summary>Moves behind the element that the reader stands on.</summary>
    public static void Skip(XmlReader reader)
    {
        if (!reader.IsEmptyElement)
        {
            var depth = reader.Depth;
            while (reader.Read() && reader.Depth > depth)
                CheckDepth(reader);
        }
        reader.Read();
    }

    // The text is decoded already, and a declaration that names another encoding or XML 1.1 would only be in the way.
    private static string WithoutDeclaration(string xml)
    {
        if (!xml.StartsWith("<?xml", StringComparison.Ordinal) || xml.Length < 6 || !char.IsWhiteSpace(xml[5]))
            return xml;
        var end = xml.IndexOf("?>", StringComparison.Ordinal);
        return end < 0 ? xml : xml[(end + 2)..].TrimStart();
    }
}
