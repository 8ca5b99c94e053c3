using System.Data.Common;
using Databus.Outbox;
using Microsoft.Extensions.DependencyInjection;

namespace Databus.StoreSuite.Outbox;

/// <summary>The database of one test's service. It outlasts the stores that are opened on it, and goes with the test.</summary>
public abstract class OutboxHome : IAsyncDisposable
{
    /// <summary>A store on this database, not yet open.</summary>
    public abstract IOutboxStore Create(TimeProvider time);

    /// <summary>Adds a store on this database to a service, as its users do.</summary>
    public abstract void AddTo(IServiceCollection services);

    /// <summary>A connection of the service, open.</summary>
    public abstract Task<DbConnection> ConnectAsync();

    public abstract ValueTask DisposeAsync();
}
