using Databus.Outbox;
using Databus.Testing.Ledgers;
using Microsoft.Extensions.Hosting;
using Npgsql;

namespace Databus.OutboxNode;

/// <summary>
/// Several at once that take the next numbers of some keys, record a message for each in the same transaction, and commit most of
/// what they did. Until the host stops.
/// </summary>
internal sealed class Writers(OutboxClient outbox, LedgerLink ledger, string store, int writers, int seed) : BackgroundService
{
    private const int Keys = 200;
    private const int MostSteps = 4;

    /// <summary>So that what is measured is how long a message takes, and not how many can be written.</summary>
    private static readonly TimeSpan BetweenTransactions = TimeSpan.FromMilliseconds(10);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await using var source = NpgsqlDataSource.Create(store);
        await Task.WhenAll(Enumerable.Range(0, writers).Select(writer => WriteAsync(source, new Random(seed + writer), stoppingToken)));
    }

    private async Task WriteAsync(NpgsqlDataSource source, Random random, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            await Task.Delay(BetweenTransactions, stop);
            await using var connection = await source.OpenConnectionAsync(CancellationToken.None);
            await using var transaction = await connection.BeginTransactionAsync(CancellationToken.None);
            var ids = new List<Guid>();

            // In one order for all writers, so that none waits for another in a circle.
            foreach (var key in Enumerable.Range(0, random.Next(1, MostSteps + 1)).Select(_ => random.Next(Keys)).Distinct().Order())
                ids.Add(await StepAsync(connection, transaction, $"k{key}"));
            if (random.Next(2) == 0)
                ids.Add(await NoteAsync(connection, transaction, new Step(Step.Free, 0)));
            if (random.Next(10) == 0)
            {
                await transaction.RollbackAsync(CancellationToken.None);
                continue;
            }

            await transaction.CommitAsync(CancellationToken.None);
            await ledger.TellAsync([.. ids.Select(id => $"committed {id}")]);
        }
    }

    private async Task<Guid> StepAsync(NpgsqlConnection connection, NpgsqlTransaction transaction, string key)
    {
        await using var next = new NpgsqlCommand("UPDATE counters SET number = number + 1 WHERE key = $1 RETURNING number", connection, transaction)
        {
            Parameters = { new() { Value = key } },
        };
        var number = (long)(await next.ExecuteScalarAsync(CancellationToken.None))!;
        return await NoteAsync(connection, transaction, new Step(key, number));
    }

    private async Task<Guid> NoteAsync(NpgsqlConnection connection, NpgsqlTransaction transaction, Step step)
    {
        var id = await outbox.RecordAsync(transaction, step, id: null, CancellationToken.None);
        await using var note = new NpgsqlCommand("INSERT INTO steps (message_id, key, number) VALUES ($1, $2, $3)", connection, transaction)
        {
            Parameters = { new() { Value = id }, new() { Value = step.Key }, new() { Value = step.Number } },
        };
        await note.ExecuteNonQueryAsync(CancellationToken.None);
        return id;
    }
}
