namespace Databus.AspNetCore;

/// <summary>The limits of the HTTP side. Beyond a limit comes a clear answer, never an unbounded cost (P9).</summary>
public sealed class DatabusHttpOptions
{
    /// <summary>
    /// The largest item, and the largest arguments or result of a job, in bytes of JSON as sent. Default 1 MiB. Beyond: 413, in a stream of items an
    /// invalid line.
    /// </summary>
    public int MaxItemBytes { get; set; } = 1 << 20;

    /// <summary>
    /// The largest body that is read as a whole: arrays, CloudEvents batches, configuration. Default 16 MiB. Beyond: 413.
    /// NDJSON is read as a stream and has no limit but that of each line.
    /// </summary>
    public int MaxBodyBytes { get; set; } = 16 << 20;

    /// <summary>Connections at the same time. Default 20 000. Beyond: new ones are closed.</summary>
    public int MaxConnections { get; set; } = 20_000;

    /// <summary>
    /// Requests that wait for items, for jobs to claim or for a job to end, at the same time. Default 10 000. Beyond: 429 with Retry-After.
    /// </summary>
    public int MaxWaitingRequests { get; set; } = 10_000;

    /// <summary>Open streams of server-sent events. Default 2 000. Beyond: 429 with Retry-After.</summary>
    public int MaxLiveViews { get; set; } = 2_000;

    /// <summary>
    /// True: requests from this machine need no token, so that it can be tried out at once. Host and Origin are checked
    /// then, so that no web page can reach in. Set in Development only.
    /// </summary>
    public bool TrustLoopback { get; set; }

    /// <summary>What the overview shows as the environment.</summary>
    public string Environment { get; set; } = "Production";
}
