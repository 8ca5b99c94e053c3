using Databus.Outbox;

namespace Databus.StoreSuite.Outbox;

/// <summary>What gave up, what was sent, and what people do about it.</summary>
public abstract class OutboxParkedTests(OutboxHome home) : OutboxSuite(home)
{
    [Fact]
    public async Task A_parked_message_is_kept_with_its_reason_and_in_nobodys_way()
    {
        await RecordKeyedAsync("a1", "a2");
        var batch = await ClaimSomeAsync(most: 1);
        Assert.True(await EndAsync(batch, OutboxResult.Parked, reason: "There is no such letter box."));

        var parked = Assert.Single(await ParkedAsync());
        Assert.Equal((batch.Messages[0].Id, batch.Messages[0].MessageId, Letter, "a"), (parked.Id, parked.MessageId, parked.Type, parked.OrderKey));
        Assert.Equal(("a1", "There is no such letter box.", 1, false), (Text(parked), parked.Reason, parked.Attempts, parked.HoldsKey));
        Assert.Equal(Clock.GetUtcNow(), parked.ParkedAt);
        Assert.Equal((1, 1), ((int)(await PendingAsync())!.Count, (int)(await PendingAsync())!.Parked));
        Assert.Equal(["a2"], await SendAllAsync());
    }

    [Fact]
    public async Task A_parked_message_that_holds_its_key_lets_none_pass_until_it_is_replayed()
    {
        await RecordKeyedAsync("a1", "a2", "b1");
        Assert.True(await EndAsync(await ClaimSomeAsync(most: 1), OutboxResult.Parked, holdsKey: true));
        Assert.Equal(["b1"], await SendAllAsync());

        Assert.Equal(1, await Store.ReplayAsync([.. (await ParkedAsync()).Select(parked => parked.Id)], Cancellation));
        await RecordKeyedAsync("a3");
        var batch = await ClaimSomeAsync();
        Assert.Equal(["a1", "a2", "a3"], Texts(batch));
        Assert.Equal(0, batch.Messages[0].Attempts);
        Assert.Empty(await ParkedAsync());
    }

    [Fact]
    public async Task Skipping_removes_for_good_and_frees_the_key()
    {
        await RecordKeyedAsync("a1", "a2");
        Assert.True(await EndAsync(await ClaimSomeAsync(most: 1), OutboxResult.Parked, holdsKey: true));
        var id = Assert.Single(await ParkedAsync()).Id;
        var skipped = new List<string>();
        Assert.Equal(1, await Store.SkipAsync(
            [id, 999],
            (transaction, messages, _) =>
            {
                Assert.NotNull(transaction.Connection);
                skipped.AddRange(messages.Select(Text));
                return Task.CompletedTask;
            },
            Cancellation));
        Assert.Equal(["a1"], skipped);
        Assert.Equal(["a2"], await SendAllAsync());
        Assert.Empty(await ParkedAsync());
    }

    [Fact]
    public async Task A_skip_whose_other_work_fails_has_not_happened()
    {
        await RecordAsync(Messages(1));
        Assert.True(await EndAsync(await ClaimSomeAsync(), OutboxResult.Parked));
        var id = Assert.Single(await ParkedAsync()).Id;
        await Assert.ThrowsAsync<InvalidOperationException>(() => Store.SkipAsync([id], (_, _, _) => throw new InvalidOperationException(), Cancellation));
        Assert.Single(await ParkedAsync());
    }

    [Fact]
    public async Task An_edited_message_is_replayed_with_its_new_content()
    {
        await RecordAsync(Messages(1));
        Assert.True(await EndAsync(await ClaimSomeAsync(), OutboxResult.Parked));
        var id = Assert.Single(await ParkedAsync()).Id;
        Assert.False(await Store.EditAsync(id + 1, "\"x\""u8.ToArray(), Cancellation));
        Assert.True(await Store.EditAsync(id, "\"better\""u8.ToArray(), Cancellation));
        await Store.ReplayAsync([id], Cancellation);
        Assert.Equal(["better"], await SendAllAsync());
    }

    [Fact]
    public async Task Parked_messages_are_listed_by_type_and_in_pages()
    {
        await RecordAsync(Messages(3));
        await RecordAsync(Message("x", type: "parcel"));
        Assert.True(await EndAsync(await ClaimSomeAsync(), OutboxResult.Parked));
        Assert.True(await EndAsync(await ClaimSomeAsync(type: "parcel"), OutboxResult.Parked));
        Assert.Equal(["x"], (await Store.ListParkedAsync(["parcel", "card"], 0, 10, Cancellation)).Select(Text));
        var page = await Store.ListParkedAsync([Letter], 0, 2, Cancellation);
        Assert.Equal(["1", "2"], page.Select(Text));
        Assert.Equal(["3"], (await Store.ListParkedAsync([Letter], page[1].Id, 2, Cancellation)).Select(Text));
    }

    [Fact]
    public async Task What_was_sent_is_kept_only_if_asked_for_and_for_so_long()
    {
        await RecordAsync(Messages(2));
        var batch = await ClaimSomeAsync();
        Assert.True(await CompleteAsync(
            batch, new OutboxEnd(batch.Messages[0].Id, OutboxResult.Sent, Time: Second * 60), new OutboxEnd(batch.Messages[1].Id, OutboxResult.Sent)));
        Assert.Equal(0, (await Store.PurgeStepAsync(TimeSpan.FromDays(1), Cancellation)).Removed);
        Clock.Advance(Second * 60);
        Assert.Equal(1, (await Store.PurgeStepAsync(TimeSpan.FromDays(1), Cancellation)).Removed);
        Assert.Equal(0, (await Store.PurgeStepAsync(TimeSpan.FromDays(1), Cancellation)).Removed);
    }

    [Fact]
    public async Task Other_work_of_a_completion_happens_with_it_or_not_at_all()
    {
        await RecordAsync(Messages(2));
        var lost = await ClaimSomeAsync(most: 1);
        Clock.Advance(Lease);
        var batch = await ClaimSomeAsync();
        var calls = new List<Guid>();
        OutboxCompletion Completion(OutboxBatch one) => new(
            one.Token, [.. one.Messages.Select(message => new OutboxEnd(message.Id, OutboxResult.Sent))], Also: async (transaction, cancellationToken) =>
            {
                calls.Add(one.Token);
                await Store.RecordAsync(transaction.Connection!, transaction, [Message("also")], cancellationToken);
                if (calls.Count == 1)
                    throw new InvalidOperationException();
            });

        await Assert.ThrowsAsync<InvalidOperationException>(() => Store.CompleteAsync([Completion(lost), Completion(batch)], Cancellation));
        Assert.Equal(2, (await PendingAsync())!.Count);
        Assert.Equal([lost.Token], await Store.CompleteAsync([Completion(lost), Completion(batch)], Cancellation));
        Assert.Equal([batch.Token, batch.Token], calls);
        Assert.Equal(["also"], await SendAllAsync());
    }
}
