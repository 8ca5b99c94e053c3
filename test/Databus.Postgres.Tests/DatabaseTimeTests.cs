namespace Databus.Postgres.Tests;

/// <summary>The database's time as a node knows it.</summary>
public sealed class DatabaseTimeTests : IAsyncDisposable
{
    private const long Hour = 3_600_000;

    private readonly Database _database = new(new PostgresStoreOptions { ConnectionString = "Host=127.0.0.1" });

    [Fact]
    public void It_is_what_the_database_said_last()
    {
        foreach (var ahead in new[] { 5 * Hour, -5 * Hour })
        {
            _database.Learn(Time() + ahead, asked: Database.Uptime());
            Assert.InRange((_database.Now - DateTimeOffset.FromUnixTimeMilliseconds(Time() + ahead)).TotalSeconds, -1, 1);
        }
    }

    [Fact]
    public void An_answer_that_was_read_late_does_not_set_it_back()
    {
        _database.Learn(Time() + Hour, asked: Database.Uptime());
        _database.Learn(Time() + Hour - 60_000, asked: Database.Uptime() - 60_000);
        Assert.InRange((_database.Now - DateTimeOffset.FromUnixTimeMilliseconds(Time() + Hour)).TotalSeconds, -1, 1);
    }

    [Fact]
    public void A_slow_answer_is_better_than_none_and_a_quick_one_is_better_than_both()
    {
        _database.Learn(Time() + Hour, asked: Database.Uptime() - 60_000);
        Assert.InRange((_database.Now - DateTimeOffset.FromUnixTimeMilliseconds(Time() + Hour)).TotalSeconds, -1, 1);
        _database.Learn(Time() + (2 * Hour), asked: Database.Uptime());
        Assert.InRange((_database.Now - DateTimeOffset.FromUnixTimeMilliseconds(Time() + (2 * Hour))).TotalSeconds, -1, 1);
    }

    public ValueTask DisposeAsync() => _database.DisposeAsync();

    private static long Time() => TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds();
}
