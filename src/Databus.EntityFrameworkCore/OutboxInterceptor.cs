using Databus.Outbox;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace Databus.EntityFrameworkCore;

/// <summary>
/// Tells the outbox which transaction has inserted messages, so that it watches for its end. Nothing in the process sees every commit
/// (a transaction of the caller's own, an ambient one), but the database does.
/// </summary>
internal sealed class OutboxInterceptor(OutboxClient outbox, OutboxTypes types) : SaveChangesInterceptor
{
    public OutboxTypes Types => types;

    public override int SavedChanges(SaveChangesCompletedEventData eventData, int result)
    {
        Tell(eventData.Context);
        return result;
    }

    public override ValueTask<int> SavedChangesAsync(SaveChangesCompletedEventData eventData, int result, CancellationToken cancellationToken = default)
    {
        Tell(eventData.Context);
        return ValueTask.FromResult(result);
    }

    private void Tell(DbContext? context)
    {
        if (context is null)
            return;
        foreach (var (transaction, lowestId) in OutboxRecording.TakeSaved(context))
            outbox.Recorded(transaction, lowestId);
    }
}
