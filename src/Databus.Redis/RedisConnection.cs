using Databus.Storage;
using Microsoft.Extensions.Logging;

namespace Databus.Redis;

/// <summary>
/// The way to Redis, kept open in the background. After trouble Redis is left alone, for a second at first and twice as
/// long each time, so that one that stands still costs somebody one wait now and then and not everybody each time.
/// </summary>
internal sealed partial class RedisConnection(RedisOptions options, TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);

    /// <summary>A connection that lived this long was good, and the pauses begin anew.</summary>
    private static readonly TimeSpan GoodLife = TimeSpan.FromSeconds(5);

    private readonly string _address = RedisLink.AddressOf(options);
    private volatile RedisLink? _link;
    private volatile string? _outage;

    /// <summary>Null: Redis is left alone for now.</summary>
    public RedisLink? Link => _link is { IsBroken: false } link ? link : null;

    /// <summary>What the operator should know, or null.</summary>
    public Warning? Warning => _outage is { } reason
        ? new Warning("redis-unavailable", $"Redis at {_address} is not used. {reason} Duplicates that only other nodes have seen go to the store meanwhile.")
        : null;

    public async Task KeepOpenAsync(CancellationToken stop)
    {
        var failures = 0;
        while (!stop.IsCancellationRequested)
        {
            var (reason, wasGood) = await UseAsync(stop);
            if (stop.IsCancellationRequested)
                return;
            failures = wasGood ? 1 : failures + 1;
            if (_outage is null)
                LogLost(_address, reason);
            _outage = reason;
            await Task.Delay(PauseAfter(failures), time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static TimeSpan PauseAfter(int failures)
    {
        var pause = FirstPause * Math.Pow(2, Math.Min(failures - 1, 10));
        return pause < LongestPause ? pause : LongestPause;
    }

    /// <summary>Connects, and lets the connection be used as long as it is good.</summary>
    private async Task<(string Reason, bool WasGood)> UseAsync(CancellationToken stop)
    {
        try
        {
            // The client resolves names and waits in places where it should not.
            using var link = await Task.Run(() => RedisLink.OpenAsync(options), stop);
            var begun = time.GetTimestamp();
            _link = link;
            if (_outage is not null)
                LogBack(_address);
            _outage = null;
            var reason = await link.Broken.WaitAsync(stop);
            return (reason, time.GetElapsedTime(begun) >= GoodLife);
        }
        catch (Exception error)
        {
            // Also at the end of the process; and Redis is never a reason to fail.
            return (RedisTrouble.Of(error), false);
        }
        finally
        {
            _link = null;
        }
    }

    [LoggerMessage(EventId = 300, Level = LogLevel.Warning, Message = "Redis at {Address} is not used until it is back; the store judges all keys meanwhile. {Reason}")]
    private partial void LogLost(string address, string reason);

    [LoggerMessage(EventId = 301, Level = LogLevel.Information, Message = "Redis at {Address} is used again")]
    private partial void LogBack(string address);
}
