using System.Globalization;
using Npgsql;

namespace Databus.Postgres.Tests;

/// <summary>
/// While a transaction is open somewhere, no version of a row that it could see goes away. What the store does must not
/// have to pass them. Counted in pages, which do not depend on how busy the machine is.
/// </summary>
public sealed class LongTransactionTests
{
    private const int Cycles = 3000;
    private const int Measured = 200;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Fetches_appends_and_acknowledgements_touch_no_more_pages_however_long_it_is_open()
    {
        await using var nodes = await TwoNodes.OpenAsync();
        await nodes.Server.ExecuteAsync("CREATE EXTENSION pg_stat_statements", nodes.DatabaseName);
        var (topic, _) = await nodes.A.PutTopicAsync("letters", settings: null, Cancellation);
        await CycleAsync(nodes, topic, 0, Measured);

        await using var open = new NpgsqlConnection(nodes.ConnectionString + ";Pooling=false");
        await open.OpenAsync(Cancellation);
        await open.Command("BEGIN ISOLATION LEVEL REPEATABLE READ").RunAsync(Cancellation);
        await open.Command("SELECT count(*) FROM databus.items").ValueAsync(Cancellation);

        var early = await PagesAsync(nodes, topic, Measured);
        await CycleAsync(nodes, topic, 2 * Measured, Cycles);

        // As autovacuum does: from here on the planner takes tables for empty that hold nothing but dead rows.
        await nodes.Server.ExecuteAsync("ANALYZE", nodes.DatabaseName);
        var late = await PagesAsync(nodes, topic, (2 * Measured) + Cycles);
        Assert.True(late < early * 1.5, $"{early} pages a cycle at first, {late} after {Cycles} cycles");
    }

    private static async Task<double> PagesAsync(TwoNodes nodes, Topics.Topic topic, int first)
    {
        await nodes.Server.ExecuteAsync("SELECT pg_stat_statements_reset()", nodes.DatabaseName);
        await CycleAsync(nodes, topic, first, Measured);
        var pages = await nodes.Server.ExecuteAsync(
            """
            SELECT sum(shared_blks_hit + shared_blks_read) FROM pg_stat_statements
            WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND query LIKE '%databus.%'
            """, nodes.DatabaseName);
        return double.Parse(pages, CultureInfo.InvariantCulture) / Measured;
    }

    /// <summary>One item in, out on the other node, and acknowledged.</summary>
    private static async Task CycleAsync(TwoNodes nodes, Topics.Topic topic, int first, int count)
    {
        for (var key = first; key < first + count; key++)
        {
            await nodes.A.AppendAsync(topic, [TwoNodes.Item(key)], Cancellation);
            var fetched = await nodes.B.FetchAsync(topic, "reader", 10, TimeSpan.FromMinutes(5), Cancellation);
            Assert.Equal(key + 1, Assert.Single(fetched.Deliveries).Id);
            Assert.Empty(await nodes.A.AcknowledgeAsync(topic, "reader", [fetched.Deliveries[0].Token!.Value], Cancellation));
        }
    }
}
