using System.Diagnostics.CodeAnalysis;
using StackExchange.Redis;

namespace Databus.Redis;

/// <summary>Where Redis is, and how much patience there is with it.</summary>
/// <remarks>
/// Whoever may write to this Redis may make Databus take items for duplicates: it is to be as private as the database. It
/// needs no persistence. It is best given a limit of memory and the policy <c>allkeys-lru</c>.
/// </remarks>
public sealed class RedisOptions
{
    /// <summary>
    /// <c>host:port</c>, followed by what else StackExchange.Redis understands, separated by commas: for example
    /// <c>redis.example.org:6379,password=…,ssl=true,defaultDatabase=1</c>. One server, and no cluster. Needed.
    /// </summary>
    public string? Configuration { get; set; }

    /// <summary>
    /// A question that takes longer is given up, and Redis is then left alone for a while. 1 ms to 1 s. Default 25 ms: about
    /// what the store takes to answer the same.
    /// </summary>
    public TimeSpan ReadTimeout { get; set; } = TimeSpan.FromMilliseconds(25);

    /// <summary>One plain sentence, without the password, or null.</summary>
    internal string? FindMistake()
    {
        if (!TryRead(out _, out var mistake))
            return mistake;
        return ReadTimeout < TimeSpan.FromMilliseconds(1) || ReadTimeout > TimeSpan.FromSeconds(1)
            ? "Redis:ReadTimeout is from 1 millisecond to 1 second."
            : null;
    }

    /// <summary>Reads <see cref="Configuration"/>. What is wrong with it quotes nothing of it, because it holds a password.</summary>
    internal bool TryRead([NotNullWhen(true)] out ConfigurationOptions? client, [NotNullWhen(false)] out string? mistake)
    {
        mistake = "Redis:Configuration is host:port, followed by options such as password=… and ssl=true, separated by commas.";
        client = null;
        if (string.IsNullOrWhiteSpace(Configuration))
            return false;
        try
        {
            client = ConfigurationOptions.Parse(Configuration);
        }
        catch (Exception error) when (error is ArgumentException or FormatException or OverflowException)
        {
            return false;
        }

        if (client.EndPoints.Count == 0)
            return false;
        mistake = null;
        return true;
    }
}
