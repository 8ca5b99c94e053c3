using Databus.Testing.Servers;

namespace Databus.Testing.Tests.Servers;

public sealed class PostgresServerTests : IAsyncLifetime
{
    private PostgresServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await PostgresServer.StartAsync();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_was_committed_is_there_after_a_crash(bool immediately)
    {
        await _server.ExecuteAsync("CREATE TABLE t (v text); INSERT INTO t VALUES ('kept')");

        await (immediately ? _server.StopImmediatelyAsync() : _server.KillAsync());
        await Assert.ThrowsAsync<InvalidOperationException>(() => _server.ExecuteAsync("SELECT 1"));
        await _server.StartAgainAsync();

        Assert.Equal("kept", await _server.ExecuteAsync("SELECT v FROM t"));
    }

    [Fact]
    public async Task Commits_wait_for_the_disk_and_statements_are_counted()
    {
        Assert.Equal("on|UTF8|C.UTF-8", await _server.ExecuteAsync(
            "SELECT current_setting('fsync'), current_setting('server_encoding'), datcollate FROM pg_database WHERE datname = 'databus'"));

        await _server.ExecuteAsync("CREATE EXTENSION pg_stat_statements");
        Assert.NotEqual("0", await _server.ExecuteAsync("SELECT count(*) FROM pg_stat_statements"));
    }

    [Fact]
    public async Task Databases_are_made_at_once_and_dropped_with_who_uses_them()
    {
        var names = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => _server.CreateDatabaseAsync()));
        Assert.Equal(8, names.Distinct().Count());

        var sleeper = _server.ExecuteAsync("SELECT pg_sleep(600)", names[0]);
        var other = _server.ExecuteAsync("SELECT pg_sleep(600)", names[1]);
        await Deadline.WaitAsync(
            async () => await _server.ExecuteAsync("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'") == "2",
            TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        await _server.DropDatabaseAsync(names[0]);
        Assert.Equal(1, await _server.TerminateBackendsAsync(names[1]));

        await Assert.ThrowsAsync<InvalidOperationException>(() => sleeper);
        await Assert.ThrowsAsync<InvalidOperationException>(() => other);
        Assert.Equal("0", await _server.ExecuteAsync($"SELECT count(*) FROM pg_database WHERE datname = '{names[0]}'"));
    }

    [Fact]
    public async Task Frozen_it_answers_when_it_is_thawed()
    {
        _server.Freeze();
        var answer = _server.ExecuteAsync("SELECT 1");
        await Task.Delay(TimeSpan.FromMilliseconds(300), TestContext.Current.CancellationToken);
        Assert.False(answer.IsCompleted);

        _server.Thaw();

        Assert.Equal("1", await answer);
    }

    [Fact]
    public async Task PgBouncer_serves_each_database_a_transaction_at_a_time()
    {
        await using var bouncer = await PgBouncer.StartAsync(_server);
        var database = await _server.CreateDatabaseAsync();

        Assert.Contains("pool_mode|transaction", await bouncer.ExecuteAsync("SHOW CONFIG", "pgbouncer"), StringComparison.Ordinal);
        Assert.Equal(database, await bouncer.ExecuteAsync("SELECT current_database()", database));

        await bouncer.KillAsync();
        await bouncer.StartAgainAsync();
        Assert.Equal(database, await bouncer.ExecuteAsync("SELECT current_database()", database));
    }
}
