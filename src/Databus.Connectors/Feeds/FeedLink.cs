using Databus.Connectors.Http;

namespace Databus.Connectors.Feeds;

/// <summary>Addresses out of a feed: resolved, and only of kinds that are safe to show as a link.</summary>
internal static class FeedLink
{
    private static readonly string[] Schemes = ["http", "https", "ftp", "magnet"];

    /// <summary>The absolute address, as written where it is absolute already; null for anything else than a plain link.</summary>
    public static string? Resolve(string? link, Uri address)
    {
        link = link?.Trim();
        if (link is null or { Length: 0 or > FeedLimits.MaxAddressLength })
            return null;
        if (HasScheme(link) && Uri.TryCreate(link, UriKind.Absolute, out var absolute))
            return Schemes.Contains(absolute.Scheme, StringComparer.Ordinal) && IsOneLine(link) ? link : null;
        var resolved = UriReference.Resolve(address, link);
        return resolved is not null && Schemes.Contains(resolved.Scheme, StringComparer.Ordinal)
            ? resolved.AbsoluteUri
            : null;
    }

    /// <summary>The base that an xml:base inside of another gives; the outer one where it is of no use.</summary>
    public static Uri Base(string? xmlBase, Uri outer)
    {
        if (string.IsNullOrWhiteSpace(xmlBase) || xmlBase.Length > FeedLimits.MaxBaseLength)
            return outer;
        return UriReference.Resolve(outer, xmlBase) is { } address
            && (address.Scheme == Uri.UriSchemeHttp || address.Scheme == Uri.UriSchemeHttps)
            && address.OriginalString.Length <= FeedLimits.MaxBaseLength
                ? address
                : outer;
    }

    private static bool HasScheme(string link)
    {
        var colon = link.IndexOf(':', StringComparison.Ordinal);
        return colon > 0 && char.IsAsciiLetter(link[0]) && !link.AsSpan(0, colon).ContainsAny('/', '?', '#');
    }

    private static bool IsOneLine(string link) => !link.Any(char.IsControl);
}
