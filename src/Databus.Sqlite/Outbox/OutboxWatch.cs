using Databus.Storage;
using Microsoft.Data.Sqlite;

namespace Databus.Sqlite.Outbox;

/// <summary>
/// Sees every commit to the file, whoever made it, by <c>PRAGMA data_version</c>: a look of some microseconds at memory that all
/// connections share. Only then it asks whether there are new messages.
/// </summary>
internal sealed class OutboxWatch(OutboxFile file) : IAsyncDisposable
{
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan AfterFailure = TimeSpan.FromMilliseconds(500);

    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _gate = new();
    private Task? _watching;

    public Action<long?>? Woken { get; set; }

    public void Start()
    {
        lock (_gate)
            _watching ??= Task.Run(WatchAsync, CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        if (_watching is { } watching)
            await watching.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task WatchAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                using var connection = file.Open();
                await WatchAsync(connection);
            }
            catch (Exception error) when (error is SqliteException or StoreException or OperationCanceledException)
            {
                // The poll of the relay finds what is not seen here meanwhile.
                await Task.Delay(AfterFailure, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task WatchAsync(SqliteConnection connection)
    {
        using var version = connection.Command("PRAGMA data_version");
        using var newest = connection.Command("SELECT seq FROM sqlite_sequence WHERE name = 'databus_outbox_message'");
        var lastVersion = -1L;
        var lastId = 0L;
        using var timer = new PeriodicTimer(BetweenLooks);
        do
        {
            if ((long)version.ExecuteScalar()! is var found && found == lastVersion)
                continue;
            lastVersion = found;

            // There is one writer, so what is new has higher ids than all there was.
            if (newest.ExecuteScalar() is long id && id > lastId)
            {
                Woken?.Invoke(lastId + 1);
                lastId = id;
            }
        }
        while (await timer.WaitForNextTickAsync(_stop.Token));
    }
}
