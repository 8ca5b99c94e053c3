namespace Databus.Outbox;

/// <summary>The transactions that have recorded messages and of which it is not known yet whether they have committed.</summary>
internal sealed class UnsettledTransactions
{
    /// <summary>To be watched until it has ended.</summary>
    public void Add(ulong transaction, long lowestId) => throw new NotSupportedException();

    /// <summary>Something is committed, from this id up.</summary>
    public Task CommittedAsync(long lowestId) => throw new NotSupportedException();
}
