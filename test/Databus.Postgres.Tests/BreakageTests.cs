using System.Diagnostics;
using Databus.Storage;
using Databus.Testing.Servers;
using Npgsql;

namespace Databus.Postgres.Tests;

/// <summary>What breaks is said, what can go on goes on.</summary>
public sealed class BreakageTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task After_all_connections_were_ended_the_node_goes_on()
    {
        await using var nodes = await TwoNodes.OpenAsync();
        var (topic, _) = await nodes.A.PutTopicAsync("letters", settings: null, Cancellation);
        for (var key = 1; key <= 20; key++)
        {
            await nodes.Server.TerminateBackendsAsync(nodes.DatabaseName);
            await UntilItWorksAsync(() => nodes.A.AppendAsync(topic, [TwoNodes.Item(key)], Cancellation));
        }

        Assert.Equal(20, (await nodes.B.ReadItemsAsync(topic, new Topics.ItemQuery(), Cancellation)).Items.Count);
    }

    [Fact]
    public async Task A_database_that_is_away_is_unavailable_and_its_return_is_another_generation()
    {
        var server = await PostgresServer.StartAsync();
        await using var nodes = await TwoNodes.OpenAsync(server);
        var (topic, _) = await nodes.A.PutTopicAsync("letters", settings: null, Cancellation);
        await nodes.A.AppendAsync(topic, [TwoNodes.Item(1)], Cancellation);
        var before = nodes.A.Generation;
        Assert.NotNull(before);
        Assert.Equal(before, nodes.B.Generation);

        await server.StopImmediatelyAsync();
        var error = await Assert.ThrowsAsync<StoreException>(() => nodes.A.AppendAsync(topic, [TwoNodes.Item(2)], Cancellation));
        Assert.Equal(StoreProblem.Unavailable, error.Problem);
        Assert.True(error.IsTransient);
        Assert.Null(nodes.A.Generation);

        await server.StartAgainAsync();
        await UntilItWorksAsync(() => nodes.A.AppendAsync(topic, [TwoNodes.Item(2)], Cancellation));
        Assert.Equal(2, (await nodes.A.ReadItemsAsync(topic, new Topics.ItemQuery(), Cancellation)).Items.Count);
        Assert.True(await Testing.Deadline.WaitAsync(() => nodes.A.Generation is not null, TimeSpan.FromSeconds(20), Cancellation));
        Assert.NotEqual(before, nodes.A.Generation);
    }

    [Fact]
    public async Task A_frozen_node_that_holds_the_lock_of_a_topic_is_ended_by_the_others()
    {
        await using var nodes = await TwoNodes.OpenAsync();
        var (topic, _) = await nodes.A.PutTopicAsync("letters", settings: null, Cancellation);
        await using var frozen = new NpgsqlConnection(nodes.ConnectionString + ";Application Name=databus;Pooling=false");
        await frozen.OpenAsync(Cancellation);
        await frozen.Command("BEGIN").RunAsync(Cancellation);
        await frozen.Command("SELECT pg_advisory_xact_lock($1, $2)", Locks.Topic, topic.Number).ValueAsync(Cancellation);

        var started = Stopwatch.GetTimestamp();
        await nodes.A.AppendAsync(topic, [TwoNodes.Item(1)], Cancellation);
        Assert.InRange(Stopwatch.GetElapsedTime(started).TotalSeconds, 1, 14);
    }

    [Fact]
    public async Task A_frozen_node_that_does_not_read_the_answer_to_what_it_wrote_is_ended_by_the_others()
    {
        await using var nodes = await TwoNodes.OpenAsync();
        await nodes.A.PutTopicAsync("letters", settings: null, Cancellation);
        await using var frozen = new NpgsqlConnection(nodes.ConnectionString + ";Application Name=databus;Pooling=false");
        await frozen.OpenAsync(Cancellation);
        await using var command = frozen.Command(
            "WITH locked AS (SELECT FROM databus.topics FOR UPDATE) SELECT repeat('x', 1000000) FROM generate_series(1, 100), locked");
        await using var unread = await command.ExecuteReaderAsync(Cancellation);

        var started = Stopwatch.GetTimestamp();
        await nodes.A.PutTopicAsync("letters", new Topics.TopicSettings { KeyPointers = ["/id"] }, Cancellation);
        Assert.InRange(Stopwatch.GetElapsedTime(started).TotalSeconds, 5, 15);
        await Assert.ThrowsAnyAsync<NpgsqlException>(async () =>
        {
            while (await unread.ReadAsync(Cancellation))
            {
                // What had been sent before.
            }
        });
    }

    [Fact]
    public async Task A_transaction_that_is_open_for_long_is_named()
    {
        await using var nodes = await TwoNodes.OpenAsync();
        await using var forgotten = new NpgsqlConnection(nodes.ConnectionString + ";Application Name=report tool;Pooling=false");
        await forgotten.OpenAsync(Cancellation);
        await forgotten.Command("BEGIN ISOLATION LEVEL REPEATABLE READ").RunAsync(Cancellation);
        await forgotten.Command("SELECT count(*) FROM databus.items").ValueAsync(Cancellation);

        await using var source = NpgsqlDataSource.Create(nodes.ConnectionString);
        await using var connection = await source.OpenConnectionAsync(Cancellation);
        var sentences = await DatabaseState.LongTransactionsAsync(connection, TimeSpan.Zero, Cancellation);
        Assert.Contains(sentences, sentence => sentence.Contains("report tool", StringComparison.Ordinal));
        Assert.DoesNotContain(await DatabaseState.LongTransactionsAsync(connection, TimeSpan.FromMinutes(1), Cancellation), sentence => sentence.Length > 0);
    }

    private static async Task UntilItWorksAsync<T>(Func<Task<T>> work)
    {
        Assert.True(await Testing.Deadline.WaitAsync(
            async () =>
            {
                try
                {
                    await work();
                    return true;
                }
                catch (StoreException error) when (error.IsTransient)
                {
                    return false;
                }
            },
            TimeSpan.FromSeconds(30),
            Cancellation));
    }
}
