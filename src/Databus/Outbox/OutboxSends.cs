using System.Data.Common;

namespace Databus.Outbox;

/// <summary>Sends what was claimed and keeps what became of it.</summary>
internal sealed class OutboxSends
{
    /// <summary>Removes the contents, kept in tables of their own, of messages that were skipped.</summary>
    public Task DeleteContentsAsync(DbTransaction transaction, IReadOnlyList<ParkedMessage> skipped, CancellationToken cancellationToken) =>
        throw new NotSupportedException();
}
