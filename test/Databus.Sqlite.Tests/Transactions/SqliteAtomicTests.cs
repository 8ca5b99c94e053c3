using System.Data.Common;
using Databus.StoreSuite.Transactions;
using Databus.Testing;
using Microsoft.Data.Sqlite;

namespace Databus.Sqlite.Tests.Transactions;

public sealed class SqliteAtomicTests : AtomicTests
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public async Task A_file_that_somebody_else_writes_to_is_tried_again()
    {
        var runs = 0;
        await using var other = await Database.OpenConnectionAsync(Cancellation);
        await using var writing = await other.BeginTransactionAsync(Cancellation);
        await InsertAsync(writing, "other");
        var waiting = Task.Run(() => Atomic.RunAsync(
            (transaction, _) =>
            {
                runs++;
                return InsertAsync(transaction, "mine");
            },
            cancellationToken: Cancellation));
        await Clock.WhenTimersAsync(1).WaitAsync(TimeSpan.FromSeconds(30));
        await writing.CommitAsync(Cancellation);
        await PassWaitAsync();
        await waiting;
        Assert.Equal(1, runs);
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        SqliteConnection.ClearAllPools();
        _folder.Dispose();
        GC.SuppressFinalize(this);
    }

    protected override Task<DbDataSource> OpenAsync()
    {
        Assert.True(SqliteLibrary.Version >= SqliteLibrary.Oldest);

        // The driver itself tries for this many seconds before it says that the file is busy.
        return Task.FromResult(SqliteFactory.Instance.CreateDataSource($"Data Source={_folder.File("app.db")};Default Timeout=1"));
    }
}
