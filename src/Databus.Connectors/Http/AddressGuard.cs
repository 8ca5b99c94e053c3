using System.Net;
using System.Net.Sockets;

namespace Databus.Connectors.Http;

/// <summary>
/// Decides which addresses may be connected to. A URL that somebody typed, and every redirect of a
/// stranger's server, must not become a way into the network that Databus runs in.
/// </summary>
internal sealed class AddressGuard
{
    // The IANA special-purpose registry for IPv4, and what multicast and class E add to it.
    private static readonly IPNetwork[] SpecialIPv4 = Networks(
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
        "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16",
        "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4");

    // Of IPv6 only global unicast is public at all; these are its special-purpose parts.
    private static readonly IPNetwork GlobalUnicast = IPNetwork.Parse("2000::/3");
    private static readonly IPNetwork[] SpecialIPv6 = Networks(
        "2001::/23", "2001:db8::/32", "2620:4f:8000::/48", "3fff::/20");

    // Addresses that lead to the IPv4 address inside them.
    private static readonly IPNetwork SixToFour = IPNetwork.Parse("2002::/16");
    private static readonly IPNetwork Nat64 = IPNetwork.Parse("64:ff9b::/96");
    private static readonly IPNetwork Compatible = IPNetwork.Parse("::/96");

    private readonly IPNetwork[] _allowed;

    public AddressGuard(IEnumerable<string> allowedNetworks) => _allowed = Networks([.. allowedNetworks]);

    public static string? FindMistake(IEnumerable<string> networks) =>
        networks.FirstOrDefault(network => !IPNetwork.TryParse(network, out _)) is { } wrong
            ? $"AllowedNetworks: '{wrong}' is not a network in CIDR notation, such as 10.1.0.0/16."
            : null;

    public bool Allows(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6)
            address = address.MapToIPv4();
        if (Contains(_allowed, address))
            return true;
        if (address.AddressFamily == AddressFamily.InterNetwork)
            return !Contains(SpecialIPv4, address);
        if (address.AddressFamily != AddressFamily.InterNetworkV6)
            return false;
        if (Embedded(address) is { } inner && !Allows(inner))
            return false;
        return (GlobalUnicast.Contains(address) && !Contains(SpecialIPv6, address)) || Nat64.Contains(address);
    }

    private static IPAddress? Embedded(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out _);
        if (SixToFour.Contains(address))
            return new IPAddress(bytes[2..6]);
        if (Nat64.Contains(address) || Compatible.Contains(address))
            return new IPAddress(bytes[12..]);
        var isatap = bytes[8] is 0x00 or 0x02 && bytes[9] == 0 && bytes[10] == 0x5e && bytes[11] == 0xfe;
        return isatap ? new IPAddress(bytes[12..]) : null;
    }

    private static bool Contains(IPNetwork[] networks, IPAddress address) =>
        Array.Exists(networks, network => network.Contains(address));

    private static IPNetwork[] Networks(params string[] networks) => Array.ConvertAll(networks, IPNetwork.Parse);
}
