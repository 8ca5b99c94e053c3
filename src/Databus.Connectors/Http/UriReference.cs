namespace Databus.Connectors.Http;

/// <summary>
/// Resolves references as RFC 3986 does. <see cref="Uri"/> alone takes a leading slash for a file of
/// this machine on Unix.
/// </summary>
internal static class UriReference
{
    public static Uri? Resolve(Uri address, string reference)
    {
        reference = reference.Trim();
        if (reference.StartsWith("//", StringComparison.Ordinal))
            reference = $"{address.Scheme}:{reference}";
        else if (reference.StartsWith('/'))
            reference = $"{address.GetLeftPart(UriPartial.Authority)}{reference}";
        return Uri.TryCreate(address, reference, out var resolved) ? resolved : null;
    }
}
