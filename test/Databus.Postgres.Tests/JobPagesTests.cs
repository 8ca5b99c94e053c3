using System.Globalization;
using Databus.Jobs;
using Npgsql;

namespace Databus.Postgres.Tests;

/// <summary>
/// What a job costs depends neither on how many others wait nor on what a transaction that is open elsewhere keeps alive.
/// Counted in pages, which do not depend on how busy the machine is.
/// </summary>
public sealed class JobPagesTests
{
    private const int Claimed = 5;
    private const int Claims = 50;
    private const int Many = 20_000;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(JobPriority.Low)]
    [InlineData(JobPriority.Normal)]
    [InlineData(JobPriority.High)]
    public async Task Claims_and_ends_touch_no_more_pages_however_much_waits(JobPriority priority)
    {
        await using var nodes = await OpenAsync();
        await EnqueueAsync(nodes, JobPriority.Normal, 2 * Claims * Claimed);
        var few = await PagesAsync(nodes);

        await EnqueueAsync(nodes, priority, Many);
        var many = await PagesAsync(nodes);
        Assert.True(many < few * 1.5, $"{few} pages a job with few that wait, {many} with {Many}");
    }

    [Fact]
    public async Task Jobs_touch_no_more_pages_however_long_a_transaction_is_open()
    {
        await using var nodes = await OpenAsync();
        await EnqueueAsync(nodes, JobPriority.Normal, Claims * Claimed);
        await PagesAsync(nodes);

        await using var open = new NpgsqlConnection(nodes.ConnectionString + ";Pooling=false");
        await open.OpenAsync(Cancellation);
        await open.Command("BEGIN ISOLATION LEVEL REPEATABLE READ").RunAsync(Cancellation);
        await open.Command("SELECT count(*) FROM databus.jobs").ValueAsync(Cancellation);

        await EnqueueAsync(nodes, JobPriority.Normal, Claims * Claimed);
        var early = await PagesAsync(nodes);
        await EnqueueAsync(nodes, JobPriority.Normal, Many);
        while (await RunAsync(nodes, 500) > 0)
        {
        }

        // As autovacuum does: from here on the planner takes tables for empty that hold nothing but dead rows.
        await nodes.Server.ExecuteAsync("ANALYZE", nodes.DatabaseName);
        await EnqueueAsync(nodes, JobPriority.Normal, 2 * Claims * Claimed);

        // A look at everything, which there is every few seconds, may fall into one of the two.
        var late = Math.Min(await PagesAsync(nodes), await PagesAsync(nodes));
        Assert.True(late < early * 1.5, $"{early} pages a job at first, {late} after {Many} jobs");
    }

    private static async Task<TwoNodes> OpenAsync()
    {
        var nodes = await TwoNodes.OpenAsync();
        await nodes.Server.ExecuteAsync("CREATE EXTENSION pg_stat_statements", nodes.DatabaseName);
        return nodes;
    }

    private static async Task EnqueueAsync(TwoNodes nodes, JobPriority priority, int count)
    {
        foreach (var some in Enumerable.Range(0, count).Select(_ => new NewJob("work", "{}"u8.ToArray()) { Priority = priority }).Chunk(1000))
            await nodes.A.Jobs.EnqueueAsync(some, Cancellation);
    }

    private static async Task<double> PagesAsync(TwoNodes nodes)
    {
        await nodes.Server.ExecuteAsync("SELECT pg_stat_statements_reset()", nodes.DatabaseName);
        for (var claim = 0; claim < Claims; claim++)
            Assert.Equal(Claimed, await RunAsync(nodes, Claimed));
        var pages = await nodes.Server.ExecuteAsync(
            """
            SELECT sum(shared_blks_hit + shared_blks_read) FROM pg_stat_statements
            WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND query LIKE '%databus.jobs%'
            """, nodes.DatabaseName);
        return double.Parse(pages, CultureInfo.InvariantCulture) / (Claims * Claimed);
    }

    /// <summary>How many were there to claim.</summary>
    private static async Task<int> RunAsync(TwoNodes nodes, int most)
    {
        var claims = await nodes.A.Jobs.ClaimAsync(new JobClaim("a", Queues: null, most), Cancellation);
        Assert.Empty(await nodes.A.Jobs.CompleteAsync([.. claims.Jobs.Select(job => new JobCompletion(job.Token, JobOutcome.Succeeded, "{}"u8.ToArray()))], Cancellation));
        return claims.Jobs.Count;
    }
}
