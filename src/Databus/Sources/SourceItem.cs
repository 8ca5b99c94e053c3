namespace Databus.Sources;

/// <summary>One item that a source lists.</summary>
/// <param name="Identity">What makes it the same item at the next poll; unique within its source, at most 1024 UTF-8 bytes.</param>
/// <param name="Content">One JSON object, UTF-8.</param>
public sealed record SourceItem(string Identity, byte[] Content);
