using System.Globalization;
using Databus.Outbox;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Databus.Postgres.Outbox;

/// <summary>How transactions ended, and words between processes. What is not heard, because a pooler is in between, costs a poll's time.</summary>
internal sealed partial class OutboxNeighbours(OutboxDatabase database, ILogger logger) : IAsyncDisposable
{
    private const string Channel = "databus_outbox";

    private static readonly TimeSpan AfterFailure = TimeSpan.FromMilliseconds(500);

    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _gate = new();
    private Task? _listening;

    public Action<long?>? Woken { get; set; }

    public async Task<IReadOnlyList<SettledTransaction>> SettledAsync(IReadOnlyCollection<ulong> transactions, CancellationToken cancellationToken)
    {
        // NULL: so long ago that nobody knows any more.
        var settled = await database.UseAsync(
            connection => connection.Command(
                """
                SELECT id, status FROM (SELECT id, pg_xact_status(id::xid8) AS status FROM unnest($1::text[]) AS t (id)) t
                WHERE status IS DISTINCT FROM 'in progress'
                """,
                (object)transactions.Select(transaction => transaction.ToString(CultureInfo.InvariantCulture)).ToArray())
                .RowsAsync(
                    static rows => new SettledTransaction(ulong.Parse(rows.GetString(0), CultureInfo.InvariantCulture), rows.Text(1) != "aborted"),
                    cancellationToken),
            cancellationToken);
        return settled;
    }

    public Task AnnounceAsync(long lowestId, CancellationToken cancellationToken) => database.UseAsync(
        connection => connection.Command(

            // A word that is lost costs a poll's time; it needs no fsync.
            "SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, $2)",
            Channel, lowestId.ToString(CultureInfo.InvariantCulture)).RunAsync(cancellationToken),
        cancellationToken);

    /// <summary>Ends when it listens, or has tried once in vain and goes on to try.</summary>
    public async Task ListenAsync(CancellationToken cancellationToken)
    {
        var listens = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            if (_listening is not null)
                return;
            _listening = Task.Run(() => ListenAgainAndAgainAsync(listens), CancellationToken.None);
        }

        await listens.Task.WaitAsync(cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        if (_listening is { } listening)
            await listening.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task ListenAgainAndAgainAsync(TaskCompletionSource listens)
    {
        for (var failures = 0; !_stop.IsCancellationRequested;)
        {
            try
            {
                await using var ear = await database.OpenAsync(_stop.Token);
                ear.Notification += (_, notification) => Hear(notification);
                await ear.Command($"LISTEN {Channel}").RunAsync(_stop.Token);
                failures = 0;
                listens.TrySetResult();

                // What was said before is not said again.
                Woken?.Invoke(null);
                while (true)
                    await ear.WaitAsync(_stop.Token);
            }
            catch (Exception error)
            {
                if (_stop.IsCancellationRequested)
                    return;
                listens.TrySetResult();
                if (++failures == 1)
                    LogDeaf(error);
                await Task.Delay(AfterFailure, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private void Hear(NpgsqlNotificationEventArgs notification) =>
        Woken?.Invoke(long.TryParse(notification.Payload, NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? id : null);

    [LoggerMessage(EventId = 60, Level = LogLevel.Warning, Message = "The outbox cannot listen to other processes; what they record is found by the poll meanwhile")]
    private partial void LogDeaf(Exception error);
}
