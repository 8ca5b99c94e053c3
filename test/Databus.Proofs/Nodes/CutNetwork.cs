using System.Globalization;
using Databus.Testing.Processes;

namespace Databus.Proofs.Nodes;

/// <summary>
/// A network between this machine and a namespace of its own, which can be cut: packets then vanish without a word, and
/// connections stay open on both sides. Needs root.
/// </summary>
internal sealed class CutNetwork : IAsyncDisposable
{
    private readonly string _here;
    private readonly string _there;

    private CutNetwork(int number)
    {
        Namespace = string.Create(CultureInfo.InvariantCulture, $"databus-{number}");
        (_here, _there) = (string.Create(CultureInfo.InvariantCulture, $"dbh{number}"), string.Create(CultureInfo.InvariantCulture, $"dbt{number}"));
        Host = string.Create(CultureInfo.InvariantCulture, $"10.213.{number % 250}.2");
    }

    public string Namespace { get; }

    /// <summary>The address of what runs in the namespace.</summary>
    public string Host { get; }

    public static async Task<CutNetwork> CreateAsync()
    {
        var network = new CutNetwork(Environment.ProcessId);
        try
        {
            await IpAsync("netns", "add", network.Namespace);
            await IpAsync("link", "add", network._here, "type", "veth", "peer", "name", network._there, "netns", network.Namespace);
            await IpAsync("address", "add", $"{network.Host[..^1]}1/30", "dev", network._here);
            await IpAsync("link", "set", network._here, "up");
            await IpAsync("-n", network.Namespace, "address", "add", $"{network.Host}/30", "dev", network._there);
            await IpAsync("-n", network.Namespace, "link", "set", network._there, "up");
            await IpAsync("-n", network.Namespace, "link", "set", "lo", "up");
            return network;
        }
        catch
        {
            await network.DisposeAsync();
            throw;
        }
    }

    public Task CutAsync() => IpAsync("-n", Namespace, "link", "set", _there, "down");

    public Task MendAsync() => IpAsync("-n", Namespace, "link", "set", _there, "up");

    public async ValueTask DisposeAsync()
    {
        try
        {
            // The pair goes with its end in the namespace.
            await IpAsync("netns", "delete", Namespace);
        }
        catch (InvalidOperationException)
        {
            // It was never made.
        }
    }

    private static Task<string> IpAsync(params string[] words) => ExternalTool.RunAsync(ExternalTool.Find("ip", "iproute2"), words);
}
