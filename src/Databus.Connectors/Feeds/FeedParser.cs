using System.Text.Json;
using System.Xml;

namespace Databus.Connectors.Feeds;

/// <summary>Reads a feed of any format out of bytes.</summary>
internal static class FeedParser
{
    /// <summary>Reads the whole document, mending it where that is needed.</summary>
    /// <param name="charset">What the HTTP header says, or null.</param>
    /// <param name="address">Where the document came from; relative links are resolved against it.</param>
    /// <exception cref="FeedException">The document is no feed, or beyond repair.</exception>
    public static FeedDocument Parse(
        ReadOnlyMemory<byte> bytes, string? charset, Uri address, CancellationToken cancellationToken)
    {
        var text = DocumentText.Decode(bytes.Span, charset).Trim('\uFEFF', '\0', ' ', '\t', '\r', '\n');
        if (text.Length == 0)
            throw new FeedException("The document is empty.");
        return text[0] == '{' ? ParseJson(text, address) : ParseXml(text, address, cancellationToken);
    }

    private static FeedDocument ParseJson(string text, Uri address)
    {
        try
        {
            return JsonFeedReader.Read(text, address);
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            // The second is what half a surrogate pair in a member's name comes to.
            throw new FeedException("The document is not a feed: it is no valid JSON.");
        }
    }

    private static FeedDocument ParseXml(string text, Uri address, CancellationToken cancellationToken)
    {
        try
        {
            return XmlFeedReader.Read(text, address, cancellationToken);
        }
        catch (XmlException)
        {
            // Repair costs a copy of the document, and most need none.
        }
        return XmlFeedReader.ReadAsFarAsPossible(XmlRepair.Repair(text), address, cancellationToken);
    }
}
