using Databus.Hosting;
using Databus.Sqlite;
using Databus.Storage;
using Databus.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Databus.AspNetCore.Tests;

/// <summary>How a <see cref="DatabusApp"/> differs from the ordinary one.</summary>
internal sealed record AppSetup
{
    /// <summary>Requests from this machine need no token, as in Development.</summary>
    public bool TrustLoopback { get; init; } = true;

    /// <summary>The clock of everything inside; null: the real one.</summary>
    public FakeClock? Clock { get; init; }

    public Action<DatabusOptions> Node { get; init; } = _ => { };

    public Action<DatabusHttpOptions> Http { get; init; } = _ => { };

    public Action<SqliteStoreOptions> Sqlite { get; init; } = _ => { };

    /// <summary>Puts something in front of the real store.</summary>
    public Func<IStore, IStore> Store { get; init; } = store => store;

    public Action<IServiceCollection> Services { get; init; } = _ => { };

    /// <summary>Routes of the test's own.</summary>
    public Action<WebApplication> Routes { get; init; } = _ => { };
}
