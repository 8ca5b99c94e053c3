namespace Databus.Connectors.Feeds;

/// <summary>The document cannot be read as a feed; the message is a sentence for the operator.</summary>
internal sealed class FeedException(string message) : Exception(message);
