using Databus.Subscriptions;
using Databus.Topics;

namespace Databus.StoreSuite;

/// <summary>P4: at least once, fenced.</summary>
public abstract class LeaseTests(StoreHome home) : StoreTests(home)
{
    [Fact]
    public async Task A_delivery_is_what_was_appended()
    {
        var addedAt = Clock.GetUtcNow();
        var topic = await TopicOfAsync(2);
        Clock.Advance(TimeSpan.FromHours(1));
        var deliveries = (await FetchAsync(topic, max: 10)).Deliveries;
        Assert.Equal("""{"key":"1"}{"key":"2"}""", string.Concat(deliveries.Select(delivery => Text(delivery.Content))));
        Assert.All(deliveries, delivery => Assert.Equal((1, addedAt, delivery.Id), (delivery.Attempt, delivery.AddedAt, delivery.Token!.Value.Id)));
    }

    [Fact]
    public async Task What_is_leased_is_not_handed_out_and_what_is_acknowledged_never_again()
    {
        var topic = await TopicOfAsync(2);
        var first = await FetchOneAsync(topic);
        Assert.Equal([2], Ids(await FetchAsync(topic, max: 10)));
        Assert.Empty((await FetchAsync(topic, max: 10)).Deliveries);

        Assert.Empty(await AcknowledgeAsync(topic, first.Token!.Value));
        Clock.Advance(Lease);
        Assert.Equal([2], Ids(await FetchAsync(topic, max: 10)));
    }

    [Fact]
    public async Task A_lease_ends_to_the_millisecond()
    {
        var topic = await TopicOfAsync(1);
        await FetchOneAsync(topic, Lease);
        Clock.Advance(Lease - Millisecond);
        Assert.Empty((await FetchAsync(topic)).Deliveries);
        Clock.Advance(Millisecond);
        Assert.Equal(2, (await FetchOneAsync(topic)).Attempt);
    }

    [Fact]
    public async Task A_lease_not_named_is_the_subscriptions_own()
    {
        var topic = await TopicOfAsync(1);
        await SubscribeAsync(topic, new SubscriptionSettings { Lease = TimeSpan.FromMinutes(7) });
        Assert.Equal(Clock.GetUtcNow() + TimeSpan.FromMinutes(7), (await FetchAsync(topic)).NextDueAt);
    }

    [Fact]
    public async Task Expired_lease_is_refused()
    {
        var topic = await TopicOfAsync(1);
        var token = (await FetchOneAsync(topic, Lease)).Token!.Value;
        Clock.Advance(Lease);
        await AssertLostAsync(topic, token);

        // Refused means that nothing was done: it is delivered again, as if nobody had asked.
        Assert.Equal(2, (await FetchOneAsync(topic)).Attempt);
    }

    [Fact]
    public async Task An_older_token_is_refused_after_a_redelivery()
    {
        var topic = await TopicOfAsync(1);
        var older = (await FetchOneAsync(topic, Lease)).Token!.Value;
        Clock.Advance(Lease);
        var newer = (await FetchOneAsync(topic, Lease)).Token!.Value;
        Assert.NotEqual(older, newer);
        await AssertLostAsync(topic, older);
        Assert.Empty(await AcknowledgeAsync(topic, newer));
    }

    [Fact]
    public async Task Fences_grow_even_when_the_clock_stands_still_or_goes_back()
    {
        var topic = await TopicOfAsync(4);
        var fences = new List<long>();
        foreach (var minutes in (int[])[0, 0, -60, -1])
        {
            Clock.SetUtcNow(Clock.GetUtcNow() + TimeSpan.FromMinutes(minutes));
            fences.Add((await FetchOneAsync(topic)).Token!.Value.Fence);
            await ReopenAsync();
        }

        Assert.Equal(fences.Distinct().Order(), fences);
    }

    [Fact]
    public async Task A_token_works_once()
    {
        var topic = await TopicOfAsync(1);
        var token = (await FetchOneAsync(topic)).Token!.Value;
        Assert.Equal([token], await AcknowledgeAsync(topic, token, token));
        await AssertLostAsync(topic, token);
    }

    [Fact]
    public async Task Made_up_tokens_are_refused_and_do_nothing()
    {
        var topic = await TopicOfAsync(2);
        var token = (await FetchOneAsync(topic)).Token!.Value;
        LeaseToken[] madeUp =
        [
            token with { Id = 2 },
            token with { Fence = token.Fence + 1 },
            token with { Fence = 0 },
            new(long.MaxValue, long.MaxValue),
            new(-1, -1),
        ];
        foreach (var one in madeUp)
            await AssertLostAsync(topic, one);
        Assert.Empty(await AcknowledgeAsync(topic, token));
    }

    [Fact]
    public async Task A_returned_item_cannot_be_acknowledged_with_a_fence_of_zero()
    {
        var topic = await TopicOfAsync(1);
        var token = (await FetchOneAsync(topic)).Token!.Value;
        await NackAsync(topic, token, delay: TimeSpan.FromMinutes(1));
        await AssertLostAsync(topic, token with { Fence = 0 });
        await AssertLostAsync(topic, token);
    }

    [Fact]
    public async Task The_lost_are_named_and_the_others_are_done()
    {
        var topic = await TopicOfAsync(3);
        var tokens = Tokens(await FetchAsync(topic, max: 3));
        var lost = tokens[1] with { Fence = 7 };
        Assert.Equal([lost], await AcknowledgeAsync(topic, tokens[0], lost, tokens[2]));
        Assert.Equal(1, (await StatusAsync(topic)).InFlight);
    }

    [Fact]
    public async Task Extended_it_lasts_that_long_from_then_on()
    {
        var topic = await TopicOfAsync(1);
        var token = (await FetchOneAsync(topic, Lease)).Token!.Value;
        Clock.Advance(Lease - Millisecond);
        Assert.Empty(await Store.ExtendAsync(topic, Sub, [token], TimeSpan.FromMinutes(10), Cancellation));

        Clock.Advance(TimeSpan.FromMinutes(10) - Millisecond);
        Assert.Empty((await FetchAsync(topic)).Deliveries);
        Assert.Empty(await Store.ExtendAsync(topic, Sub, [token], TimeSpan.FromSeconds(1), Cancellation));
        Clock.Advance(TimeSpan.FromSeconds(1));
        await AssertLostAsync(topic, token);
        Assert.Equal(2, (await FetchOneAsync(topic)).Attempt);
    }

    [Fact]
    public async Task With_a_lease_of_zero_an_item_is_taken_and_acknowledged()
    {
        var topic = await TopicOfAsync(3);
        var fetched = await FetchAsync(topic, max: 2, lease: TimeSpan.Zero);
        Assert.Equal([1, 2], Ids(fetched));
        Assert.All(fetched.Deliveries, delivery => Assert.Null(delivery.Token));
        Assert.Equal((2, 0, 0), ((await StatusAsync(topic)).Position, (await StatusAsync(topic)).InFlight, (await StatusAsync(topic)).Waiting));

        Clock.Advance(TimeSpan.FromDays(1));
        Assert.Equal([3], Ids(await FetchAsync(topic, max: 10, lease: TimeSpan.Zero)));
    }

    [Fact]
    public async Task With_a_lease_of_zero_what_came_back_is_taken_and_acknowledged_too()
    {
        var topic = await TopicOfAsync(1);
        await FetchOneAsync(topic, Lease);
        Clock.Advance(Lease);
        Assert.Equal(2, Assert.Single((await FetchAsync(topic, lease: TimeSpan.Zero)).Deliveries).Attempt);
        Assert.Equal((0, 0), ((await StatusAsync(topic)).InFlight, (await StatusAsync(topic)).Waiting));
        Clock.Advance(TimeSpan.FromDays(1));
        Assert.Empty((await FetchAsync(topic)).Deliveries);
    }

    [Fact]
    public async Task What_is_due_again_comes_first_and_the_oldest_due_before_the_others()
    {
        var topic = await TopicOfAsync(4);
        var tokens = Tokens(await FetchAsync(topic, max: 3));
        await NackAsync(topic, tokens[0], delay: TimeSpan.FromSeconds(3));
        await NackAsync(topic, tokens[1], delay: TimeSpan.FromSeconds(1));
        await NackAsync(topic, tokens[2], delay: TimeSpan.FromSeconds(2));
        Clock.Advance(TimeSpan.FromSeconds(3));
        Assert.Equal([2, 3, 1, 4], Ids(await FetchAsync(topic, max: 10)));
    }

    [Fact]
    public async Task No_new_items_are_handed_out_while_too_many_are_in_flight()
    {
        var topic = await TopicOfAsync(5);
        await SubscribeAsync(topic, new SubscriptionSettings { MaxInFlight = 2 });
        var first = await FetchAsync(topic, max: 10);
        Assert.Equal([1, 2], Ids(first));
        Assert.False(first.More);
        Assert.Empty((await FetchAsync(topic)).Deliveries);

        // Waiting counts like leased; acknowledged makes room.
        await NackAsync(topic, Tokens(first)[0], delay: TimeSpan.FromHours(1));
        Assert.Empty((await FetchAsync(topic)).Deliveries);
        await AcknowledgeAsync(topic, Tokens(first)[1]);
        Assert.Equal([3], Ids(await FetchAsync(topic, max: 10)));

        // What is due again is not new.
        Clock.Advance(TimeSpan.FromHours(1));
        Assert.Equal([3, 1], Ids(await FetchAsync(topic, max: 10)));
    }

    [Fact]
    public async Task A_fetch_says_whether_more_is_there()
    {
        var topic = await TopicOfAsync(3);
        Assert.True((await FetchAsync(topic, max: 2)).More);
        Assert.False((await FetchAsync(topic, max: 1)).More);
        Assert.False((await FetchAsync(topic, max: 1)).More);

        Clock.Advance(Lease);
        Assert.True((await FetchAsync(topic, max: 2)).More);
        Assert.False((await FetchAsync(topic, max: 2)).More);
    }

    [Fact]
    public async Task A_fetch_says_when_the_next_comes_due()
    {
        var topic = await TopicOfAsync(2);
        Assert.Null((await FetchAsync(topic, lease: TimeSpan.Zero)).NextDueAt);
        var fetched = await FetchAsync(topic, lease: Lease);
        Assert.Equal(Clock.GetUtcNow() + Lease, fetched.NextDueAt);
        await NackAsync(topic, Tokens(fetched)[0], delay: TimeSpan.FromSeconds(4));
        Assert.Equal(Clock.GetUtcNow() + TimeSpan.FromSeconds(4), (await FetchAsync(topic)).NextDueAt);
        Clock.Advance(TimeSpan.FromSeconds(4));
        await AcknowledgeAsync(topic, (await FetchOneAsync(topic)).Token!.Value);
        Assert.Null((await FetchAsync(topic)).NextDueAt);
    }

    [Fact]
    public async Task A_fetch_is_bounded_in_bytes_and_brings_one_item_at_least()
    {
        var topic = await TopicAsync();
        var large = new string('x', 3 << 20);
        var huge = new string('x', 9 << 20);
        await AppendAsync(
            topic,
            WithContent("1", $$"""{"x":"{{large}}"}"""), WithContent("2", $$"""{"x":"{{large}}"}"""), WithContent("3", $$"""{"x":"{{large}}"}"""),
            WithContent("4", $$"""{"x":"{{huge}}"}"""), WithContent("5", """{"x":""}"""));
        for (var attempt = 1; attempt <= 2; attempt++)
        {
            Assert.Equal([1, 2, 3], Ids(await FetchMoreAsync()));
            Assert.Equal([4], Ids(await FetchMoreAsync()));
            Assert.Equal([5], Ids(await FetchAsync(topic, max: 10)));
            Clock.Advance(Lease);
        }

        async Task<FetchResult> FetchMoreAsync()
        {
            var fetched = await FetchAsync(topic, max: 10);
            Assert.True(fetched.More);
            return fetched;
        }
    }

    [Fact]
    public async Task Concurrent_consumers_get_each_item_once()
    {
        const int count = 400;
        var topic = await TopicOfAsync(count);
        var taken = await Task.WhenAll(Enumerable.Range(1, 16).Select(consumer => Task.Run(
            async () =>
            {
                var mine = new List<long>();
                while (await FetchAsync(topic, max: 1 + (consumer % 7)) is { Deliveries.Count: > 0 } fetched)
                {
                    mine.AddRange(Ids(fetched));
                    Assert.Empty(await AcknowledgeAsync(topic, Tokens(fetched)));
                }

                return mine;
            },
            Cancellation)));
        Assert.Equal(Numbers(1, count), taken.SelectMany(ids => ids).Order());
        Assert.Equal((count, 0, 0, 0), ((await StatusAsync(topic)).Position, (await StatusAsync(topic)).InFlight, (await StatusAsync(topic)).Waiting, (await StatusAsync(topic)).Dead));
    }

    private async Task AssertLostAsync(Topic topic, LeaseToken token)
    {
        Assert.Equal([token], await AcknowledgeAsync(topic, token));
        Assert.Equal([token], await Store.ExtendAsync(topic, Sub, [token], Lease, Cancellation));
        var nack = await NackAsync(topic, token);
        Assert.Equal((0, 0), (nack.Returned, nack.Dead));
        Assert.Equal([token], nack.Lost);
    }
}
