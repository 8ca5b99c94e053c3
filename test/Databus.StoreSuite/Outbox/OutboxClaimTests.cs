using Databus.Outbox;

namespace Databus.StoreSuite.Outbox;

/// <summary>What is claimed, by whom, and in which order.</summary>
public abstract class OutboxClaimTests(OutboxHome home) : OutboxSuite(home)
{
    [Fact]
    public async Task Nobody_else_gets_what_is_claimed()
    {
        await RecordAsync(Messages(5));
        Assert.Equal(["1", "2", "3"], Texts(await ClaimAsync(most: 3)));
        Assert.Equal(["4", "5"], Texts(await ClaimAsync()));
        Assert.Null(await ClaimAsync());
    }

    [Fact]
    public async Task A_look_sees_its_own_type_only_and_many_looks_go_together()
    {
        await RecordAsync(Message("a"), Message("x", type: "parcel"), Message("b"));
        var claims = await LookAsync(new OutboxLook("parcel", Guid.NewGuid(), 10), new OutboxLook("card", Guid.NewGuid(), 10), new OutboxLook(Letter, Guid.NewGuid(), 1));
        Assert.Equal(["parcel", Letter], claims.Batches.Select(batch => batch.Type));
        Assert.Equal(["x", "a"], claims.Batches.SelectMany(Texts));
        Assert.Equal([false, false, true], claims.Ends.Select(end => end.Next is not null));
    }

    [Fact]
    public async Task What_a_dead_relay_had_claimed_comes_again_and_its_zombie_changes_nothing()
    {
        await RecordAsync(Messages(2));
        var dead = await ClaimSomeAsync();
        Clock.Advance(Lease - TimeSpan.FromMilliseconds(1));
        Assert.Null(await ClaimAsync());
        Clock.Advance(TimeSpan.FromMilliseconds(1));
        var next = await ClaimSomeAsync();
        Assert.Equal(dead.Messages.Select(message => message.MessageId), next.Messages.Select(message => message.MessageId));

        Assert.False(await EndAsync(dead, OutboxResult.Sent));
        Assert.False(await EndAsync(dead, OutboxResult.Parked));
        Assert.Equal([dead.Token], await Store.RenewAsync([dead.Token, next.Token], Lease, Cancellation));
        Assert.Equal(2, (await PendingAsync())!.Count);
        Assert.True(await EndAsync(next, OutboxResult.Sent));
        Assert.Null(await PendingAsync());
    }

    [Fact]
    public async Task A_claim_that_is_renewed_lives_on()
    {
        await RecordAsync(Messages(1));
        var batch = await ClaimSomeAsync();
        for (var times = 0; times < 3; times++)
        {
            Clock.Advance(Lease / 2);
            Assert.Empty(await Store.RenewAsync([batch.Token], Lease, Cancellation));
        }

        Assert.Null(await ClaimAsync());
        Assert.True(await EndAsync(batch, OutboxResult.Sent));
    }

    [Fact]
    public async Task A_late_end_counts_as_long_as_nobody_else_has_claimed()
    {
        await RecordAsync(Messages(1));
        var batch = await ClaimSomeAsync();
        Clock.Advance(Lease * 2);
        Assert.True(await EndAsync(batch, OutboxResult.Sent));
        Assert.Null(await ClaimAsync());
    }

    [Fact]
    public async Task Whoever_is_about_to_complete_does_not_end_its_own_claim()
    {
        await RecordAsync(Messages(1));
        var batch = await ClaimSomeAsync();
        Clock.Advance(Lease * 2);
        var claims = await Store.ClaimAsync([new OutboxLook(Letter, Guid.NewGuid(), 10)], Lease, [batch.Token], Cancellation);
        Assert.Empty(claims.Batches);
        Assert.True(await EndAsync(batch, OutboxResult.Sent));
        Assert.Null(await ClaimAsync());
    }

    [Fact]
    public async Task What_waits_behind_its_key_is_in_nobodys_way()
    {
        await RecordKeyedAsync("a1", "a2", "a3", "a4");
        await RecordAsync(Message("free"));
        await EndAsync(await ClaimSomeAsync(), OutboxResult.Parked);
        await Store.ReplayAsync([.. (await ParkedAsync()).Select(message => message.Id)], Cancellation);
        var first = await ClaimSomeAsync(most: 2);
        Assert.Equal(["a1", "free"], Texts(first));
        await CompleteAsync(first, new OutboxEnd(first.Messages[0].Id, OutboxResult.Failed, "no", TimeSpan.FromMinutes(1)));

        Assert.Equal(["free"], await SendAllAsync(most: 2));
        Clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(["a1", "a2", "a3", "a4"], await SendAllAsync(most: 2));
    }

    [Fact]
    public async Task What_failed_behind_a_parked_one_that_holds_its_key_is_in_nobodys_way()
    {
        await RecordKeyedAsync("a1", "a2", "a3");
        await EndAsync(await ClaimSomeAsync(), OutboxResult.Parked);
        await RecordAsync(Message("free"));
        await EndAsync(await ClaimSomeAsync(), OutboxResult.Failed, Second);
        await Store.ReplayAsync([.. (await ParkedAsync()).Select(message => message.Id)], Cancellation);
        await EndAsync(await ClaimSomeAsync(most: 1), OutboxResult.Parked, holdsKey: true);
        Clock.Advance(Second);
        Assert.Equal(["free"], await SendAllAsync(most: 1));
    }

    [Fact]
    public async Task What_a_completion_does_not_name_is_pending_as_before()
    {
        await RecordAsync(Messages(3));
        var batch = await ClaimSomeAsync();
        Assert.True(await CompleteAsync(batch, new OutboxEnd(batch.Messages[1].Id, OutboxResult.Sent)));
        var rest = await ClaimSomeAsync();
        Assert.Equal(["1", "3"], Texts(rest));
        Assert.All(rest.Messages, message => Assert.Equal(0, message.Attempts));
    }

    [Fact]
    public async Task A_look_goes_on_from_where_the_last_one_came()
    {
        await RecordAsync(Messages(5));
        var claims = await LookAsync(new OutboxLook(Letter, Guid.NewGuid(), 2));
        var next = claims.Ends[0].Next;
        Assert.NotNull(next);
        claims = await LookAsync(new OutboxLook(Letter, Guid.NewGuid(), 2, next.Value));
        Assert.Equal(["3", "4"], Texts(Assert.Single(claims.Batches)));
        claims = await LookAsync(new OutboxLook(Letter, Guid.NewGuid(), 2, claims.Ends[0].Next!.Value));
        Assert.Equal(["5"], Texts(Assert.Single(claims.Batches)));
        Assert.Null(claims.Ends[0].Next);
    }

    [Fact]
    public async Task What_cannot_go_now_does_not_hide_what_can_however_much_of_it_there_is()
    {
        await RecordAsync([.. Enumerable.Range(0, 50).Select(number => Message($"{number}", "k"))]);
        await RecordAsync(Message("other"));
        var head = await ClaimSomeAsync(most: 1);

        var texts = new List<string>();
        long? from = 0;
        while (from is { } start)
        {
            var claims = await LookAsync(new OutboxLook(Letter, Guid.NewGuid(), 3, start));
            texts.AddRange(claims.Batches.SelectMany(Texts));
            from = claims.Ends[0].Next;
            Assert.True(from is null || from > start);
        }

        Assert.Equal(["other"], texts);
        Assert.True(await EndAsync(head, OutboxResult.Sent));
    }

    [Fact]
    public async Task A_failed_message_waits_for_its_time_and_the_look_says_when_that_is()
    {
        await RecordAsync(Messages(1));
        Assert.True(await EndAsync(await ClaimSomeAsync(), OutboxResult.Failed, Second * 5, "The other side is tired."));
        var claims = await LookAsync(new OutboxLook(Letter, Guid.NewGuid(), 10));
        Assert.Empty(claims.Batches);
        Assert.Equal(5, claims.NextDue!.Value.TotalSeconds, 0.01);
        Assert.Equal((1, 1), ((int)(await PendingAsync())!.Count, (int)(await PendingAsync())!.Failing));

        Clock.Advance(Second * 5);
        var again = await ClaimSomeAsync();
        Assert.Equal(1, again.Messages[0].Attempts);
        Assert.True(await EndAsync(again, OutboxResult.Sent));
        Assert.Null(await PendingAsync());
    }

    [Fact]
    public async Task A_flush_takes_what_is_not_due_yet_and_each_message_once()
    {
        await RecordAsync(Messages(4));
        var batch = await ClaimSomeAsync(most: 2);
        Assert.True(await EndAsync(batch, OutboxResult.Failed, Second * 60));

        var texts = new List<string>();
        long? from = 0;
        while (from is { } start)
        {
            var claims = await LookAsync(new OutboxLook(Letter, Guid.NewGuid(), 1, start) { IgnoresBackOff = true });
            from = claims.Ends[0].Next;
            foreach (var one in claims.Batches)
            {
                texts.AddRange(Texts(one));
                Assert.True(await EndAsync(one, OutboxResult.Failed, Second * 60));
            }
        }

        Assert.Equal(["1", "2", "3", "4"], texts);
    }

    [Fact]
    public async Task Of_a_key_the_first_ones_are_claimed_and_none_passes_another()
    {
        await RecordKeyedAsync("a1", "b1", "a2", "b2", "a3");
        var first = await ClaimSomeAsync(most: 1);
        Assert.Equal(["a1"], Texts(first));
        var second = await ClaimSomeAsync(most: 10);
        Assert.Equal(["b1", "b2"], Texts(second));
        Assert.Null(await ClaimAsync());

        Assert.True(await EndAsync(first, OutboxResult.Sent));
        Assert.Equal(["a2", "a3"], Texts(await ClaimAsync()));
    }

    [Fact]
    public async Task A_look_that_begins_behind_the_first_of_a_key_takes_none_of_it()
    {
        await RecordKeyedAsync("a1");
        var behind = await RecordAsync(Message("a2", "a"), Message("b1", "b"));
        Assert.Equal(["b1"], Texts(await ClaimAsync(from: behind.LowestId)));
        Assert.Equal(["a1", "a2"], Texts(await ClaimAsync()));
    }

    [Fact]
    public async Task What_failed_holds_up_its_key_until_it_is_sent()
    {
        await RecordKeyedAsync("a1", "a2", "b1");
        var batch = await ClaimSomeAsync();
        Assert.True(await CompleteAsync(
            batch, new OutboxEnd(batch.Messages[0].Id, OutboxResult.Failed, "no", Second), new OutboxEnd(batch.Messages[2].Id, OutboxResult.Sent)));
        await RecordKeyedAsync("a3", "b2");
        Assert.Equal(["b2"], Texts(await ClaimAsync()));
        Clock.Advance(Second);
        Assert.Equal(["a1", "a2", "a3"], Texts(await ClaimAsync()));
    }

    [Fact]
    public async Task The_same_key_of_another_type_is_another_key()
    {
        await RecordAsync(Message("a1", "a"), Message("a2", "a", type: "parcel"));
        await ClaimSomeAsync();
        Assert.Equal(["a2"], Texts(await ClaimAsync(type: "parcel")));
    }

    [Fact]
    public async Task A_claim_of_the_whole_type_waits_for_the_others_and_they_for_it()
    {
        await RecordAsync(Messages(4));
        var one = await ClaimSomeAsync(most: 1);
        var whole = new OutboxLook(Letter, Guid.NewGuid(), 2) { WholeType = true, IgnoresBackOff = true };
        var claims = await LookAsync(whole);
        Assert.Empty(claims.Batches);
        Assert.True(claims.Ends[0].IsHeld);

        Assert.True(await EndAsync(one, OutboxResult.Failed, Second * 60));
        var batch = Assert.Single((await LookAsync(whole)).Batches);
        Assert.Equal(["1", "2"], Texts(batch));
        Assert.True((await LookAsync(new OutboxLook(Letter, Guid.NewGuid(), 10))).Ends[0].IsHeld);

        // Kept, so that nobody comes in between.
        Assert.Empty(await Store.CompleteAsync(
            [new OutboxCompletion(batch.Token, [.. batch.Messages.Select(message => new OutboxEnd(message.Id, OutboxResult.Sent))], KeepsClaim: true)], Cancellation));
        Assert.True((await LookAsync(new OutboxLook(Letter, Guid.NewGuid(), 10))).Ends[0].IsHeld);
        batch = Assert.Single((await LookAsync(whole)).Batches);
        Assert.Equal(["3", "4"], Texts(batch));
        Assert.True(await EndAsync(batch, OutboxResult.Sent));
        Assert.False((await LookAsync(new OutboxLook(Letter, Guid.NewGuid(), 10))).Ends[0].IsHeld);
    }

    [Fact]
    public async Task Claims_of_many_at_once_share_the_messages_out()
    {
        await RecordAsync(Messages(200));
        var claimed = await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
        {
            var texts = new List<string>();
            while (await ClaimAsync(most: 7) is { } batch)
                texts.AddRange(Texts(batch));
            return texts;
        }));
        Assert.Equal(Enumerable.Range(1, 200).Select(number => $"{number}").Order(StringComparer.Ordinal), claimed.SelectMany(texts => texts).Order(StringComparer.Ordinal));
    }
}
