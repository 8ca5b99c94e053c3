using System.Data.Common;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Databus.Destinations;
using Databus.Outbox;
using Databus.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Databus.StoreSuite.Outbox;

/// <summary>From the commit to the other side, in a real host.</summary>
public abstract class OutboxRelayTests(OutboxHome home) : OutboxNodeSuite(home)
{
    [Fact]
    public async Task A_message_is_sent_because_of_its_commit_and_not_before()
    {
        await using var node = await OutboxNode.StartAsync(Home, Box, options: OutboxNode.WithoutLooks);
        for (var number = 1; number <= 15; number++)
        {
            await using var connection = await Home.ConnectAsync();
            await using var transaction = await connection.BeginTransactionAsync(Cancellation);
            var id = await node.Client.RecordAsync(transaction, new Note($"{number}"), cancellationToken: Cancellation);
            await Task.Delay(20, Cancellation);
            Assert.Equal(number - 1, Box.Mails.Count);
            await transaction.CommitAsync(Cancellation);
            Assert.True(await Box.HasAsync(number));
            Assert.Equal(id, Box.Mails[^1].Id);
        }

        Assert.True(await IsEmptyAsync(node));
    }

    [Fact]
    public async Task Without_a_transaction_it_is_sent_at_once_and_many_go_together()
    {
        await using var node = await OutboxNode.StartAsync(Home, Box);
        await using var connection = await Home.ConnectAsync();
        await node.Client.RecordAsync(connection, new Note("one"), cancellationToken: Cancellation);
        Assert.True(await Box.HasAsync(1));
        var ids = await node.Client.RecordManyAsync(connection, Enumerable.Range(0, 1000).Select(number => new Note($"{number}")), Cancellation);
        Assert.True(await Box.HasAsync(1001));
        Assert.Equal(ids.Order(), Box.Mails.Skip(1).Select(mail => mail.Id).Order());
    }

    [Fact]
    public async Task What_is_rolled_back_is_never_sent()
    {
        await using var node = await OutboxNode.StartAsync(Home, Box);
        await using (var connection = await Home.ConnectAsync())
        {
            await using (var transaction = await connection.BeginTransactionAsync(Cancellation))
            {
                await node.Client.RecordAsync(transaction, new Note("phantom"), cancellationToken: Cancellation);
                await transaction.RollbackAsync(Cancellation);
            }

            await using (var transaction = await connection.BeginTransactionAsync(Cancellation))
            {
                await node.Client.RecordAsync(transaction, new Note("outer"), cancellationToken: Cancellation);
                await transaction.SaveAsync("point", Cancellation);
                await node.Client.RecordAsync(transaction, new Note("inner"), cancellationToken: Cancellation);
                await transaction.RollbackAsync("point", Cancellation);
                await transaction.CommitAsync(Cancellation);
            }

            await node.Client.RecordAsync(connection, new Note("last"), cancellationToken: Cancellation);
        }

        Assert.True(await Box.HasAsync(2));
        Assert.Equal(["outer", "last"], Box.Texts);
        Assert.Equal(0, await node.Client.FlushAsync(cancellationToken: Cancellation));
    }

    [Fact]
    public async Task A_failing_send_is_tried_again_and_parked_in_the_end_and_then_replayed()
    {
        Box.Behaviour = (text, attempt) => text == "bad" || attempt == 1 ? new SendOutcome(SendResult.Failed, $"No to {text}.") : null;
        await using var node = await OutboxNode.StartAsync(Home, Box, notes => notes.MaxAttempts = 3);
        await RecordAsync(node, new Note("bad"), new Note("good"));
        Assert.True(await Box.HasAsync(1));
        Assert.Equal(("good", 2), (Box.Mails[0].Text, Box.Mails[0].Attempt));

        var parked = await ParkedAsync(node, 1);
        Assert.Equal((3, "No to bad."), (parked[0].Attempts, parked[0].Reason));
        Box.Behaviour = static (_, _) => null;
        Assert.Equal(1, await node.Client.ReplayAsync([parked[0].Id], Cancellation));
        Assert.True(await Box.HasAsync(2));
        Assert.Equal(parked[0].MessageId, Box.Mails[1].Id);
    }

    [Fact]
    public async Task What_is_hopeless_is_parked_at_once()
    {
        Box.Behaviour = (_, attempt) => new SendOutcome(SendResult.Hopeless, $"Never, at {attempt}.");
        await using var node = await OutboxNode.StartAsync(Home, Box);
        await RecordAsync(node, new Note("bad"));
        Assert.Equal("Never, at 1.", (await ParkedAsync(node, 1))[0].Reason);
        await node.Client.SkipAsync([.. (await ParkedAsync(node, 1)).Select(parked => parked.Id)], Cancellation);
        Assert.Empty(await node.Client.PendingAsync(Cancellation));
    }

    [Fact]
    public async Task A_content_that_its_type_refuses_is_parked_and_stops_no_other()
    {
        await using var node = await OutboxNode.StartAsync(Home, Box, more: services => services.AddOutboxMessage(
            "stamp", NoteJson.Default.Stamp, IOutboxSender<Stamp> (_) => new StampSender(Box)));
        await using (var connection = await Home.ConnectAsync())
        {
            foreach (var text in (string[])["1", "bad", "2"])
            {
                await node.Store.RecordAsync(
                    connection, null, [new NewOutboxMessage(Guid.CreateVersion7(), "stamp", null, Encoding.UTF8.GetBytes($$"""{"Text":"{{text}}"}"""), null)], Cancellation);
            }
        }

        Assert.True(await Box.HasAsync(2));
        Assert.Equal(["1", "2"], Box.Texts.Order(StringComparer.Ordinal));
        var parked = Assert.Single(await ParkedAsync(node, 1));
        Assert.Contains("Such a stamp there is not.", parked.Reason, StringComparison.Ordinal);

        await Assert.ThrowsAsync<JsonException>(() => node.Client.EditAsync(parked.Id, """{"Text":"bad"}"""u8.ToArray(), Cancellation));
        Assert.True(await node.Client.EditAsync(parked.Id, """{"Text":"3"}"""u8.ToArray(), Cancellation));
        await node.Client.ReplayAsync([parked.Id], Cancellation);
        Assert.True(await Box.HasAsync(3));
    }

    [Fact]
    public async Task A_batch_that_fails_as_a_whole_wears_out_only_those_to_blame()
    {
        Box.Behaviour = (text, _) => text == "bad" ? throw new InvalidOperationException("bad!") : null;
        await using var node = await OutboxNode.StartAsync(Home, Box);
        await using (var connection = await Home.ConnectAsync())
            await node.Client.RecordManyAsync(connection, Enumerable.Range(1, 50).Select(number => new Parcel(number == 25 ? "bad" : $"{number}")), Cancellation);
        Assert.True(await Box.HasAsync(49));
        Assert.All(Box.Mails, mail => Assert.InRange(mail.Attempt, 1, 2));
        Assert.Equal("bad!", (await ParkedAsync(node, 1))[0].Reason);
    }

    [Fact]
    public async Task A_hundred_poison_messages_ahead_stop_none_of_the_good_ones()
    {
        Box.Behaviour = (text, _) => text.StartsWith("bad", StringComparison.Ordinal) ? new SendOutcome(SendResult.Failed, $"{text} is poison.") : null;
        await using var node = await OutboxNode.StartAsync(Home, Box, notes => notes.MaxAttempts = 4);
        await using (var connection = await Home.ConnectAsync())
        {
            await node.Client.RecordManyAsync(connection, Enumerable.Range(0, 100).Select(number => new Note($"bad {number}", $"{number % 30}")), Cancellation);
            await node.Client.RecordManyAsync(connection, Enumerable.Range(0, 3000).Select(number => new Note($"{number}", number % 2 == 0 ? $"{number % 50}" : null)), Cancellation);
        }

        Assert.True(await Box.HasAsync(3000));
        var parked = await ParkedAsync(node, 100);
        Assert.All(parked, one => Assert.Equal($"{one.Reason[..^11]} is poison.", one.Reason));
        AssertOrdered(Box.Mails);

        Box.Behaviour = static (_, _) => null;
        await node.Client.ReplayAsync([.. parked.Select(one => one.Id)], Cancellation);
        Assert.True(await Box.HasAsync(3100));
    }

    [Fact]
    public async Task A_parked_message_that_holds_its_key_lets_none_pass()
    {
        Box.Behaviour = (text, _) => text == "1" ? new SendOutcome(SendResult.Hopeless, "no") : null;
        await using var node = await OutboxNode.StartAsync(Home, Box, notes => notes.Parks = OutboxParking.Key);
        await RecordAsync(node, new Note("1", "a"), new Note("2", "a"), new Note("3", "b"));
        Assert.True(await Box.HasAsync(1));
        var parked = await ParkedAsync(node, 1);
        Assert.Equal(["3"], Box.Texts);

        Box.Behaviour = static (_, _) => null;
        await node.Client.EditAsync(parked[0].Id, """{"Text":"1, edited","Key":"a"}"""u8.ToArray(), Cancellation);
        await node.Client.ReplayAsync([parked[0].Id], Cancellation);
        Assert.True(await Box.HasAsync(3));
        Assert.Equal(["3", "1, edited", "2"], Box.Texts);
    }

    [Fact]
    public async Task A_destination_that_is_away_uses_up_no_attempt_and_holds_up_no_other()
    {
        var isAway = true;
        Box.Behaviour = (text, _) => isAway && !text.StartsWith('p') ? new SendOutcome(SendResult.Unavailable, "Nobody is there.") : null;
        await using var node = await OutboxNode.StartAsync(Home, Box, notes => notes.MaxAttempts = 1);
        await RecordAsync(node, [.. Enumerable.Range(0, 300).Select(number => new Note($"{number}", $"{number % 10}"))]);
        await using (var connection = await Home.ConnectAsync())
            await node.Client.RecordAsync(connection, new Parcel("p"), cancellationToken: Cancellation);
        Assert.True(await Box.HasAsync(1));
        Assert.Equal(["p"], Box.Texts);

        isAway = false;
        Assert.True(await Box.HasAsync(301));
        Assert.All(Box.Mails, mail => Assert.Equal(1, mail.Attempt));
        AssertOrdered(Box.Mails.Skip(1));
    }

    [Fact]
    public async Task A_message_for_which_alone_nobody_is_there_is_parked_in_the_end_and_the_others_go_on()
    {
        Box.Behaviour = static (text, _) => text == "poison" ? new SendOutcome(SendResult.Unavailable, "Bad gateway.") : null;
        await using var node = await OutboxNode.StartAsync(Home, Box, notes => notes.MaxAttempts = 1);
        await RecordAsync(node, new Note("poison"));
        var others = 0;
        Assert.True(await Deadline.WaitAsync(
            async () =>
            {
                await RecordAsync(node, new Note($"{++others}"));
                return (await ParkedAsync(node)).Count > 0;
            },
            Patience, Cancellation));
        var parked = Assert.Single(await ParkedAsync(node));
        Assert.Equal(("Bad gateway.", 1), (parked.Reason, parked.Attempts));
        Assert.True(await Box.HasAsync(others));
        Assert.Equal(HealthStatus.Healthy, (await node.Services.GetRequiredService<OutboxHealth>().CheckHealthAsync(new HealthCheckContext(), Cancellation)).Status);
    }

    [Fact]
    public async Task A_destination_that_comes_back_in_the_middle_of_a_trial_costs_no_attempt()
    {
        Box.Behaviour = (text, _) => text == "first" && Box.Mails.Count == 0 ? new SendOutcome(SendResult.Unavailable, "Nobody is there yet.") : null;
        await using var node = await OutboxNode.StartAsync(Home, Box, notes => notes.MaxAttempts = 1);
        await RecordAsync(node, new Note("first"));
        var health = node.Services.GetRequiredService<OutboxHealth>();
        Assert.True(await Deadline.WaitAsync(
            async () => (await health.CheckHealthAsync(new HealthCheckContext(), Cancellation)).Status == HealthStatus.Degraded, Patience, Cancellation));
        await RecordAsync(node, new Note("second"));
        Assert.True(await Box.HasAsync(2));
        Assert.Equal(["second", "first"], Box.Texts);
        Assert.All(Box.Mails, mail => Assert.Equal(1, mail.Attempt));
    }

    [Fact]
    public async Task Messages_of_one_key_arrive_in_the_order_of_their_commits_whoever_writes_and_whoever_sends()
    {
        const int Writers = 4;
        const int PerWriter = 60;
        var failed = 0;
        Box.Behaviour = (_, _) => Interlocked.Increment(ref failed) % 17 == 0 ? new SendOutcome(SendResult.Failed, "now and then") : null;
        var nodes = new List<OutboxNode>();
        for (var number = 0; number < 4; number++)
            nodes.Add(await OutboxNode.StartAsync(Home, Box, notes => (notes.BatchSize, notes.MaxAttempts) = (10, 1000)));
        await using (var connection = await Home.ConnectAsync())
            await RunAsync(connection, transaction: null, "CREATE TABLE counter (key text PRIMARY KEY, value integer NOT NULL)");
        await Task.WhenAll(Enumerable.Range(0, Writers).Select(writer => Task.Run(async () =>
        {
            for (var number = 0; number < PerWriter; number++)
            {
                var key = $"{(writer + number) % 7}";
                await using var connection = await Home.ConnectAsync();
                await using var transaction = await connection.BeginTransactionAsync(Cancellation);

                // A row of the service's own says which is the how manyeth of its key.
                var next = await RunAsync(
                    connection, transaction,
                    $"INSERT INTO counter VALUES ('{key}', 1) ON CONFLICT (key) DO UPDATE SET value = counter.value + 1 RETURNING value");
                await nodes[writer].Client.RecordAsync(transaction, new Note($"{next}", key), cancellationToken: Cancellation);
                await transaction.CommitAsync(Cancellation);
            }
        })));

        Assert.True(await Box.HasAsync(Writers * PerWriter));
        AssertOrdered(Box.Mails);
        foreach (var node in nodes)
            await node.DisposeAsync();
        Assert.Equal(Writers * PerWriter, Box.Mails.Count);
    }

    [Fact]
    public async Task What_a_process_that_died_had_claimed_is_sent_by_another()
    {
        await using var node = await OutboxNode.StartAsync(Home, Box, options: options => options.Lease = TimeSpan.FromSeconds(2));
        await node.StopAsync();
        await RecordAsync(node, new Note("one"));
        var claims = await node.Store.ClaimAsync([new OutboxLook("note", Guid.NewGuid(), 10)], TimeSpan.FromSeconds(2), [], Cancellation);
        Assert.Single(claims.Batches);
        await using var other = await OutboxNode.StartAsync(Home, Box);
        Assert.True(await Box.HasAsync(1));
        Assert.Equal([claims.Batches[0].Token], await node.Store.CompleteAsync([new OutboxCompletion(claims.Batches[0].Token, [])], Cancellation));
    }

    [Fact]
    public async Task What_is_not_flushed_by_itself_waits_for_a_flush()
    {
        await using var node = await OutboxNode.StartAsync(Home, Box, notes => notes.AutoFlush = false);
        await RecordAsync(node, [.. Enumerable.Range(0, 250).Select(number => new Note($"{number}", $"{number % 5}"))]);
        await using (var connection = await Home.ConnectAsync())
            await node.Client.RecordAsync(connection, new Parcel("p"), cancellationToken: Cancellation);
        Assert.True(await Box.HasAsync(1));
        Assert.Equal(250, Assert.Single(await node.Client.PendingAsync(Cancellation), pending => pending.Type == "note").Count);

        Assert.Equal(0, await node.Client.FlushAsync(new FlushOptions { Except = ["note"], Wait = TimeSpan.Zero }, Cancellation));
        await Assert.ThrowsAsync<ArgumentException>(() => node.Client.FlushAsync(new FlushOptions { Types = ["no-such"] }, Cancellation));
        Assert.Equal(250, await node.Client.FlushAsync(new FlushOptions { Types = ["note"], Wait = TimeSpan.Zero }, Cancellation));
        AssertOrdered(Box.Mails.Skip(1));
        Assert.Equal(251, Box.Mails.Count);
    }

    [Fact]
    public async Task A_flush_sends_what_waits_for_its_next_attempt_and_tells_the_senders_error()
    {
        Box.Behaviour = static (_, _) => new SendOutcome(SendResult.Failed, "Not now.");
        await using var node = await OutboxNode.StartAsync(Home, Box, notes => notes.BackOff = static _ => TimeSpan.FromHours(1));
        await RecordAsync(node, new Note("1"), new Note("2"));
        Assert.True(await Deadline.WaitAsync(async () => (await node.Client.PendingAsync(Cancellation)).Any(pending => pending.Failing == 2), Patience, Cancellation));

        Box.Behaviour = static (text, _) => text == "1" ? new SendOutcome(SendResult.Failed, "Still not.") : null;
        var error = await Assert.ThrowsAsync<OutboxFlushException>(() => node.Client.FlushManyAsync(new FlushOptions { Wait = TimeSpan.Zero }, Cancellation));
        Assert.Equal((1, 1, "Still not."), (error.Sent, error.Failed, error.InnerException?.Message));
        Box.Behaviour = static (_, _) => null;
        Assert.Equal(1, await node.Client.FlushAsync(new FlushOptions { Wait = TimeSpan.Zero }, Cancellation));
    }

    [Fact]
    public async Task Many_flushes_at_once_send_each_message_once()
    {
        await using var node = await OutboxNode.StartAsync(Home, Box, notes => (notes.AutoFlush, notes.BatchSize) = (false, 20));
        await RecordAsync(node, [.. Enumerable.Range(0, 500).Select(number => new Note($"{number}"))]);
        var sent = await Task.WhenAll(
            node.Client.FlushManyAsync(new FlushOptions { Wait = TimeSpan.Zero }, Cancellation), node.Client.FlushManyAsync(new FlushOptions { Wait = TimeSpan.Zero, Workers = 2 }, Cancellation));
        Assert.Equal(500, sent.Sum());
        Assert.Equal(500, Box.Mails.Select(mail => mail.Id).Distinct().Count());
        Assert.Equal(500, Box.Mails.Count);
    }

    [Fact]
    public async Task An_ordered_flush_sends_strictly_in_order_and_stops_at_the_first_failure()
    {
        Box.Behaviour = static (text, _) => text == "30" ? new SendOutcome(SendResult.Failed, "Stop.") : null;
        await using var node = await OutboxNode.StartAsync(Home, Box, notes => (notes.AutoFlush, notes.BatchSize, notes.MaxAttempts) = (false, 10, 5));
        await RecordAsync(node, [.. Enumerable.Range(0, 45).Select(number => new Note($"{number}"))]);
        var error = await Assert.ThrowsAsync<OutboxFlushException>(() => node.Client.FlushOrderedAsync(new FlushOptions { Wait = TimeSpan.Zero }, Cancellation));
        Assert.Equal((30, 1), (error.Sent, error.Failed));

        Box.Behaviour = static (_, _) => null;
        Assert.Equal(15, await node.Client.FlushOrderedAsync(new FlushOptions { Wait = TimeSpan.Zero }, Cancellation));
        Assert.Equal(Enumerable.Range(0, 45).Select(number => $"{number}"), Box.Texts);
    }

    [Fact]
    public async Task A_host_that_stops_gives_back_what_it_has_not_sent()
    {
        var entered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var goOn = new ManualResetEventSlim();
        Box.Behaviour = (text, _) =>
        {
            if (text == "1")
            {
                entered.TrySetResult();
                goOn.Wait(Patience);
            }

            return null;
        };
        var node = await OutboxNode.StartAsync(Home, Box, notes => (notes.BatchSize, notes.SendsAtOnce) = (10, 1));
        await RecordAsync(node, new Note("1", "a"), new Note("2", "a"));
        await entered.Task.WaitAsync(Patience, Cancellation);
        var stopping = node.StopAsync();
        goOn.Set();
        await stopping;

        // One that was under way has ended; none is claimed any more.
        var left = (await node.Store.ClaimAsync([new OutboxLook("note", Guid.NewGuid(), 10)], TimeSpan.FromSeconds(10), [], Cancellation)).Batches.Sum(batch => batch.Messages.Count);
        Assert.Equal(2, left + Box.Mails.Count);
        await node.DisposeAsync();
    }

    [Fact]
    public async Task The_health_check_names_a_destination_that_is_not_there_and_counts_what_waits()
    {
        Box.Behaviour = static (_, _) => new SendOutcome(SendResult.Unavailable, "Nobody is there.");
        await using var node = await OutboxNode.StartAsync(Home, Box);
        var health = node.Services.GetRequiredService<OutboxHealth>();
        Assert.Equal(HealthStatus.Healthy, (await health.CheckHealthAsync(new HealthCheckContext(), Cancellation)).Status);
        await RecordAsync(node, new Note("1"), new Note("2"));
        var result = HealthCheckResult.Healthy();
        Assert.True(await Deadline.WaitAsync(
            async () => (result = await health.CheckHealthAsync(new HealthCheckContext(), Cancellation)).Status == HealthStatus.Degraded, Patience, Cancellation));
        Assert.Contains("Nobody is there.", result.Description, StringComparison.Ordinal);
        Assert.Equal(2L, result.Data["note.pending"]);
    }

    private static void AssertOrdered(IEnumerable<Mailbox.Mail> mails)
    {
        foreach (var key in mails.Where(mail => mail.Key is not null).GroupBy(mail => mail.Key, StringComparer.Ordinal))
        {
            var numbers = key.Select(mail => int.Parse(mail.Text, CultureInfo.InvariantCulture)).ToList();
            Assert.Equal(numbers.Order(), numbers);
        }
    }

    private static Task<IReadOnlyList<ParkedMessage>> ParkedAsync(OutboxNode node) => node.Client.ListParkedAsync(limit: 1000, cancellationToken: Cancellation);

    private static async Task<IReadOnlyList<ParkedMessage>> ParkedAsync(OutboxNode node, int count)
    {
        Assert.True(await Deadline.WaitAsync(async () => (await ParkedAsync(node)).Count >= count, Patience, Cancellation));
        var parked = await ParkedAsync(node);
        Assert.Equal(count, parked.Count);
        return parked;
    }

    private static async Task<object?> RunAsync(DbConnection connection, DbTransaction? transaction, string sql)
    {
        await using var command = connection.CreateCommand();
        command.Transaction = transaction;
        command.CommandText = sql;
        return await command.ExecuteScalarAsync(Cancellation);
    }

    private sealed class StampSender(Mailbox box) : IOutboxSender<Stamp>
    {
        public Task SendAsync(OutboxMessage<Stamp> message, CancellationToken cancellationToken)
        {
            box.Take(message.Id, message.Content.Text, message.OrderKey, message.Attempt);
            return Task.CompletedTask;
        }
    }
}
