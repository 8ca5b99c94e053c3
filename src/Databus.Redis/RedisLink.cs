using System.Net;
using StackExchange.Redis;

namespace Databus.Redis;

/// <summary>
/// One connection to Redis, used until the first trouble and then thrown away with all that waits in it: the client queues
/// without bound, and what it sends late nobody waits for any more.
/// </summary>
internal sealed class RedisLink : IDisposable
{
    /// <summary>Questions under way at once, those included that nobody waits for any more.</summary>
    private const int MostReads = 256;

    private readonly ConnectionMultiplexer _client;
    private readonly TaskCompletionSource<string> _broken = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _reads;

    private RedisLink(ConnectionMultiplexer client)
    {
        _client = client;
        _client.ConnectionFailed += (_, failed) => Break(RedisTrouble.Of(failed.FailureType));
        Database = client.GetDatabase();
    }

    public IDatabase Database { get; }

    public bool IsBroken => _broken.Task.IsCompleted;

    /// <summary>Ends with the first trouble, and says what it was.</summary>
    public Task<string> Broken => _broken.Task;

    /// <summary>Connects.</summary>
    /// <exception cref="Exception">It is not there, or does not let us in.</exception>
    public static async Task<RedisLink> OpenAsync(RedisOptions options)
    {
        var link = new RedisLink(await ConnectionMultiplexer.ConnectAsync(Describe(options)));
        if (!link._client.IsConnected)
            link.Break("The connection ended.");
        return link;
    }

    /// <summary>Host and port; nothing secret.</summary>
    public static string AddressOf(RedisOptions options) =>
        string.Join(", ", Describe(options).EndPoints.Select(point => point is DnsEndPoint name ? $"{name.Host}:{name.Port}" : point.ToString()));

    /// <summary>It is of no use any more.</summary>
    /// <param name="reason">A plain sentence for the operator.</param>
    public void Break(string reason) => _broken.TrySetResult(reason);

    /// <summary>The values of these keys; null: Redis could not say.</summary>
    public async Task<RedisValue[]?> ReadAsync(RedisKey[] keys)
    {
        try
        {
            return Interlocked.Increment(ref _reads) <= MostReads ? await Database.StringGetAsync(keys) : null;
        }
        catch (Exception error)
        {
            // Whatever it is, the store will do without.
            Break(RedisTrouble.Of(error));
            return null;
        }
        finally
        {
            Interlocked.Decrement(ref _reads);
        }
    }

    public void Dispose()
    {
        Break("The connection is closed.");
        _client.Close(allowCommandsToComplete: false);
    }

    private static ConfigurationOptions Describe(RedisOptions options)
    {
        if (!options.TryRead(out var client, out var mistake))
            throw new InvalidOperationException(mistake);

        // It is connected to in the background, and tried again there.
        client.AbortOnConnectFail = true;
        client.ConnectRetry = 1;
        client.ConnectTimeout = 2000;
        client.ClientName = "databus";
        return client;
    }
}
