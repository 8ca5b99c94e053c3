using Databus.Storage;

namespace Databus.StoreSuite;

/// <summary>Where the data of one test lives. It outlasts the stores that are opened on it, and goes with the test.</summary>
public abstract class StoreHome : IAsyncDisposable
{
    /// <summary>A store on this data, not yet open.</summary>
    public abstract IStore Create(TimeProvider time);

    public abstract ValueTask DisposeAsync();
}
