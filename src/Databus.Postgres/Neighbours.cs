using System.Globalization;
using Databus.Topics;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Databus.Postgres;

/// <summary>
/// Hears what other nodes did and tells them what this one did: one connection that listens, one that notifies, and a
/// poll behind both, which is the truth. Where nothing can be heard, because a pooler is in between, the poll takes over.
/// </summary>
internal sealed partial class Neighbours(
    Database database, KnownTopics topics, Announcements announcements, ILogger logger) : IAsyncDisposable
{
    public const string Channel = "databus";

    private static readonly TimeSpan BetweenPolls = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan BetweenPollsWhenDeaf = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan BetweenNotifications = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan BetweenWatches = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan EchoLimit = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan LongestGoodbye = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan AfterFailure = TimeSpan.FromMilliseconds(500);

    private readonly CancellationTokenSource _stop = new();
    private readonly Queue<string> _pending = new();
    private readonly string _me = Guid.NewGuid().ToString("n")[..12];
    private TaskCompletionSource _lookNow = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task _work = Task.CompletedTask;

    public Action<Topic, long>? Appended { get; set; }

    public Action<Topic, string>? Woken { get; set; }

    public Action? Configured { get; set; }

    /// <summary>From this job up something may be claimable in this queue; null: in any.</summary>
    public Action<string?, long>? Claimable { get; set; }

    /// <summary>Jobs ended, or were asked to.</summary>
    public Action? JobsChanged { get; set; }

    /// <summary>For a while nothing was heard: what the others told meanwhile is lost.</summary>
    public Action? HeardNothing { get; set; }

    /// <summary>False: only the poll tells.</summary>
    public bool Hears { get; private set; }

    /// <summary>Told by <see cref="Database.Broken"/> and found again by the poll.</summary>
    public string? Generation { get; private set; }

    /// <summary>Finds out whether this node can be told things, and starts.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        Hears = await HearsItselfAsync(cancellationToken);
        if (Hears)
            await database.UseSessionsAsync();
        else
            LogDeaf();

        database.Broken = () =>
        {
            Generation = null;
            LookNow();
        };
        await LookAsync(cancellationToken);
        _work = Task.WhenAll(LookAgainAndAgainAsync(), WatchAsync(), Hears ? ListenAsync() : Task.CompletedTask, Hears ? TellAsync() : Task.CompletedTask);
    }

    public async ValueTask DisposeAsync()
    {
        database.Broken = null;
        await _stop.CancelAsync();
        await _work.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
        if (Hears)
            await TellLastAsync();
    }

    /// <summary>What is left, once: the others' polls find it otherwise.</summary>
    private async Task TellLastAsync()
    {
        using var limit = new CancellationTokenSource(LongestGoodbye);
        try
        {
            await database.ReadAsync(mouth => TellPendingAsync(mouth, limit.Token), limit.Token);
        }
        catch (Exception error)
        {
            LogLost(error.Message);
        }
    }

    /// <summary>
    /// Behind a pooler that works by transactions, what a session listens to goes with its first transaction, and no
    /// error says so.
    /// </summary>
    public async Task<bool> HearsItselfAsync(CancellationToken cancellationToken)
    {
        await using var ear = await database.OpenOwnAsync(cancellationToken);
        await using var mouth = await database.OpenOwnAsync(cancellationToken);
        var heard = new TaskCompletionSource();
        ear.Notification += (_, _) => heard.TrySetResult();
        var word = $"{Channel}_echo_{_me}";
        await ear.Command($"LISTEN {word}").RunAsync(cancellationToken);
        await mouth.Command("SELECT pg_notify($1, '')", word).ValueAsync(cancellationToken);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(EchoLimit);
        try
        {
            while (!heard.Task.IsCompleted)
                await ear.WaitAsync(limit.Token);
            return true;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return false;
        }
    }

    private async Task ListenAsync() => await RepeatAsync(async stop =>
    {
        await using var ear = await database.OpenOwnAsync(stop);
        ear.Notification += (_, notification) => Hear(notification.Payload);
        await ear.Command($"LISTEN {Channel}").RunAsync(stop);

        // What was said before is not said again.
        HeardNothing?.Invoke();
        LookNow();
        while (true)
            await ear.WaitAsync(stop);
    });

    private async Task TellAsync() => await RepeatAsync(async stop =>
    {
        await using var mouth = await database.OpenOwnAsync(stop);

        // A word that is lost costs a poll's time; it needs no fsync.
        await mouth.Command("SET synchronous_commit TO off").RunAsync(stop);
        while (true)
        {
            await TellPendingAsync(mouth, stop);
            await Task.Delay(BetweenNotifications, stop);
            await announcements.Something.WaitAsync(stop);
        }
    });

    private async Task<bool> TellPendingAsync(NpgsqlConnection mouth, CancellationToken cancellationToken)
    {
        foreach (var text in announcements.Take(_me))
            _pending.Enqueue(text);
        while (_pending.TryPeek(out var text))
        {
            await mouth.Command("SELECT pg_notify($1, $2)", Channel, text).ValueAsync(cancellationToken);
            _pending.Dequeue();
        }

        return true;
    }

    private async Task LookAgainAndAgainAsync() => await RepeatAsync(async stop =>
    {
        while (true)
        {
            await Task.WhenAny(Volatile.Read(ref _lookNow).Task, Task.Delay(Hears ? BetweenPolls : BetweenPollsWhenDeaf, stop));
            stop.ThrowIfCancellationRequested();
            Interlocked.Exchange(ref _lookNow, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
            await LookAsync(stop);
        }
    });

    /// <summary>
    /// A node that was stopped or cut off in the middle of sending holds a lock that all wait for; so does one that does not read
    /// the answer to what it wrote. The database ends it only when the connection breaks; so whoever is there does.
    /// </summary>
    private async Task WatchAsync() => await RepeatAsync(async stop =>
    {
        while (true)
        {
            await Task.Delay(BetweenWatches, stop);
            await database.ReadAsync(
                connection => connection.Command(
                    """
                    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE datname = current_database() AND usename = current_user AND application_name = 'databus'
                      AND (wait_event = 'ClientRead' AND state <> 'idle' AND xact_start < clock_timestamp() - interval '5 seconds'
                        OR wait_event = 'ClientWrite' AND backend_xid IS NOT NULL AND xact_start < clock_timestamp() - interval '8 seconds')
                    """).RowsAsync(static _ => 0, stop),
                stop);
        }
    });

    private void LookNow() => Volatile.Read(ref _lookNow).TrySetResult();

    private async Task LookAsync(CancellationToken cancellationToken)
    {
        var changes = topics.Changes;
        var found = await database.ReadAsync(
            async connection =>
            {
                if (Generation is null)
                {
                    // Another after every restart, failover and restored backup: whoever remembers keys forgets them then.
                    Generation = await connection.Command(
                        """
                        SELECT concat_ws('-', (SELECT oid FROM pg_database WHERE datname = current_database()), 'databus.keys'::regclass::oid,
                            substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8), (extract(epoch FROM pg_postmaster_start_time()) * 1000)::bigint)
                        """).ValueAsync(cancellationToken) as string;
                }

                var asked = Database.Uptime();
                if (await connection.Command("SELECT databus.now_in_ms(NULL)").ValueAsync(cancellationToken) is long now)
                    database.Learn(now, asked);
                return await TopicTable.LoadAllAsync(connection, cancellationToken);
            },
            cancellationToken);
        foreach (var gone in topics.Replace(found.ConvertAll(one => one.Topic), changes))
            Appended?.Invoke(gone, long.MaxValue);
        foreach (var (topic, lastId) in found)
        {
            if (topics.Reaches(topic, lastId))
                Appended?.Invoke(topic, lastId);
        }

        // Whatever may have happened: those who wait look themselves.
        Claimable?.Invoke(null, long.MaxValue);
        JobsChanged?.Invoke();
    }

    private void Hear(string text)
    {
        var words = text.Split(' ');
        if (words[0] == _me)
            return;
        foreach (var word in words.AsSpan(1))
        {
            if (word == "c")
            {
                LookNow();
                Configured?.Invoke();
            }
            else if (word == Announcements.JobsChanged)
            {
                JobsChanged?.Invoke();
            }
            else if (word[0] == 'j')
            {
                var colon = word.IndexOf(':', StringComparison.Ordinal);
                if (colon > 1 && long.TryParse(word.AsSpan(1, colon - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var id))
                    Claimable?.Invoke(word[(colon + 1)..], id);
            }
            else if (word.IndexOf(':', StringComparison.Ordinal) is > 1 and var at
                && int.TryParse(word.AsSpan(1, at - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                && topics.Find(number) is { } topic)
            {
                var rest = word[(at + 1)..];
                if (word[0] == 'w')
                    Woken?.Invoke(topic, rest);
                else if (long.TryParse(rest, NumberStyles.None, CultureInfo.InvariantCulture, out var lastId) && topics.Reaches(topic, lastId))
                    Appended?.Invoke(topic, lastId);
            }
        }
    }

    private async Task RepeatAsync(Func<CancellationToken, Task> work)
    {
        await Task.Yield();
        var isFailing = false;
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await work(_stop.Token);
            }
            catch (Exception) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception error)
            {
                if (!isFailing)
                    LogLost(error.Message);
                isFailing = true;
                await Task.Delay(AfterFailure, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    [LoggerMessage(EventId = 200, Level = LogLevel.Warning, Message = "Nothing can be heard through this connection, because a pooler is in between. Databus polls instead")]
    private partial void LogDeaf();

    [LoggerMessage(EventId = 201, Level = LogLevel.Warning, Message = "The connection to the database was lost and is tried again: {Reason}")]
    private partial void LogLost(string reason);
}
