using System.Net;
using Databus.Connectors.Http;
using Databus.Testing;

namespace Databus.Connectors.Tests.Http;

public sealed class AddressGuardTests
{
    private readonly AddressGuard _guard = new([]);

    [Theory]
    [InlineData("1.1.1.1")]
    [InlineData("172.15.255.255")]
    [InlineData("172.32.0.0")]
    [InlineData("100.63.255.255")]
    [InlineData("223.255.255.255")]
    [InlineData("2606:4700:4700::1111")]
    [InlineData("::ffff:1.1.1.1")]
    [InlineData("64:ff9b::101:101")]
    [InlineData("2002:101:101::1")]
    public void Public_addresses_are_allowed(string address) => Assert.True(_guard.Allows(IPAddress.Parse(address)));

    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("0.1.2.3")]
    [InlineData("10.255.255.255")]
    [InlineData("100.64.0.1")]
    [InlineData("100.127.255.255")]
    [InlineData("127.0.0.1")]
    [InlineData("127.255.255.254")]
    [InlineData("169.254.169.254")]
    [InlineData("172.16.0.1")]
    [InlineData("172.31.255.255")]
    [InlineData("192.0.0.1")]
    [InlineData("192.0.2.1")]
    [InlineData("192.88.99.1")]
    [InlineData("192.168.1.1")]
    [InlineData("198.18.0.1")]
    [InlineData("198.51.100.1")]
    [InlineData("203.0.113.1")]
    [InlineData("224.0.0.1")]
    [InlineData("240.0.0.1")]
    [InlineData("255.255.255.255")]
    [InlineData("::")]
    [InlineData("::1")]
    [InlineData("::ffff:127.0.0.1")]
    [InlineData("::ffff:10.0.0.1")]
    [InlineData("::127.0.0.1")]
    [InlineData("::ffff:0:127.0.0.1")]
    [InlineData("64:ff9b::7f00:1")]
    [InlineData("64:ff9b:1::1")]
    [InlineData("100::1")]
    [InlineData("2001::1")]
    [InlineData("2001:db8::1")]
    [InlineData("2002:7f00:1::1")]
    [InlineData("2002:a00:1::1")]
    [InlineData("2606:4700::5efe:10.0.0.1")]
    [InlineData("2606:4700::200:5efe:127.0.0.1")]
    [InlineData("3fff::1")]
    [InlineData("5f00::1")]
    [InlineData("fc00::1")]
    [InlineData("fd00:ec2::254")]
    [InlineData("fe80::1")]
    [InlineData("fec0::1")]
    [InlineData("ff02::1")]
    public void Internal_and_special_addresses_are_refused(string address) =>
        Assert.False(_guard.Allows(IPAddress.Parse(address)));

    [Theory]
    [InlineData("10.1.2.3", true)]
    [InlineData("::ffff:10.1.2.3", true)]
    [InlineData("64:ff9b::a01:203", true)]
    [InlineData("10.2.0.1", false)]
    [InlineData("::1", true)]
    [InlineData("::2", false)]
    public void A_listed_network_is_allowed_and_no_more(string address, bool allowed) =>
        Assert.Equal(allowed, new AddressGuard(["10.1.0.0/16", "::1/128"]).Allows(IPAddress.Parse(address)));

    [Fact]
    public async Task Every_case_of_the_table_gets_its_verdict()
    {
        using var client = Guarded.Client(
            options => options.AllowedNetworks.Clear(),
            (host, cancellation) => host is "localhost" or "0x100000000"
                ? Dns.GetHostAddressesAsync(host, cancellation)
                : Task.FromResult<IPAddress[]>([IPAddress.Parse("10.0.0.1")]));
        foreach (var entry in SharedData.Json("web/ssrf.json").GetProperty("cases").EnumerateArray())
        {
            var url = entry.GetProperty("url").GetString()!;
            var isAbsolute = Uri.TryCreate(url, UriKind.Absolute, out var address);
            if (entry.GetProperty("verdict").GetString() == "allow")
                Assert.True(_guard.Allows(IPAddress.Parse(address!.IdnHost)), url);
            else if (isAbsolute)
                Assert.IsType<FetchFailure>(await client.GetAsync(address!, "*/*", null, default));
        }
    }
}
