namespace Databus.Connectors.Feeds;

/// <summary>
/// Bounds that no real feed comes near. They keep what a document turns into in proportion to its size:
/// without them one long name or base address, repeated for many tiny entries, would multiply.
/// </summary>
internal static class FeedLimits
{
    public const int MaxEntries = 50_000;
    public const int MaxDepth = 256;
    public const int MaxAddressLength = 8 * 1024;
    public const int MaxBaseLength = 2 * 1024;
    public const int MaxLineLength = 1024;
    public const int MaxListLength = 100;
    public const int MaxIdentityBytes = 1024;
    public const int MaxMarkupLength = 16 * 1024 * 1024;
}
