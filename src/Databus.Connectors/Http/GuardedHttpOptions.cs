namespace Databus.Connectors.Http;

/// <summary>Limits for everything that is fetched from outside.</summary>
public sealed class GuardedHttpOptions
{
    /// <summary>The largest body that is read, in bytes after decompression. Default 16 MiB; 1 KiB to 1 GiB.</summary>
    public int MaxResponseBytes { get; set; } = 16 * 1024 * 1024;

    /// <summary>
    /// The time one fetch may take from its start to the last byte of the body, redirects included.
    /// Default 30 seconds; more than zero, at most one hour.
    /// </summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// The time that resolving a name and opening one connection may take, TLS included.
    /// Default 10 seconds; more than zero, at most one hour.
    /// </summary>
    public TimeSpan ConnectTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How many redirects one fetch follows. Default 5; 0 to 20.</summary>
    public int MaxRedirects { get; set; } = 5;

    /// <summary>The <c>User-Agent</c> header. Default <c>Databus/</c> and the version.</summary>
    public string UserAgent { get; set; } =
        $"Databus/{typeof(GuardedHttpOptions).Assembly.GetName().Version?.ToString(3)}";

    /// <summary>
    /// Internal networks that may be reached all the same, in CIDR notation, for example
    /// <c>10.1.0.0/16</c> or <c>::1/128</c>. Default none: loopback, private, link-local and every
    /// other special-purpose address is refused.
    /// </summary>
    public IList<string> AllowedNetworks { get; } = [];

    /// <summary>What is wrong with these options, as a sentence, or null.</summary>
    internal string? FindMistake()
    {
        var longest = TimeSpan.FromHours(1);
        if (MaxResponseBytes is < 1024 or > 1024 * 1024 * 1024)
            return "MaxResponseBytes must be between 1 KiB and 1 GiB.";
        if (Timeout <= TimeSpan.Zero || Timeout > longest)
            return "Timeout must be more than zero and at most one hour.";
        if (ConnectTimeout <= TimeSpan.Zero || ConnectTimeout > longest)
            return "ConnectTimeout must be more than zero and at most one hour.";
        if (MaxRedirects is < 0 or > 20)
            return "MaxRedirects must be between 0 and 20.";
        if (UserAgent.Any(c => c is < ' ' or > '~'))
            return "UserAgent must be printable ASCII.";
        return AddressGuard.FindMistake(AllowedNetworks);
    }
}
