using System.Net;
using Databus.Connectors.Feeds;
using Databus.Connectors.Http;
using Microsoft.Extensions.Logging.Abstractions;

namespace Databus.Connectors.Tests;

/// <summary>The parts under test, allowed to reach 127.0.0.1 and no other internal address.</summary>
internal static class Guarded
{
    public static GuardedHttpClient Client(
        Action<GuardedHttpOptions>? configure = null,
        Func<string, CancellationToken, Task<IPAddress[]>>? resolve = null)
    {
        var options = new GuardedHttpOptions { AllowedNetworks = { "127.0.0.1/32" } };
        configure?.Invoke(options);
        return new GuardedHttpClient(options, TimeProvider.System, resolve ?? Dns.GetHostAddressesAsync);
    }

    public static FeedSource FeedSource(GuardedHttpClient client, TimeProvider? time = null) =>
        new(client, time ?? TimeProvider.System, NullLogger<FeedSource>.Instance);
}
