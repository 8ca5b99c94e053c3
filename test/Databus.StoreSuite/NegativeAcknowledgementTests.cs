using Databus.Subscriptions;

namespace Databus.StoreSuite;

public abstract class NegativeAcknowledgementTests(StoreHome home) : StoreTests(home)
{
    [Fact]
    public async Task Returned_without_a_delay_it_is_there_at_once()
    {
        var topic = await TopicOfAsync(1);
        var result = await NackAsync(topic, (await FetchOneAsync(topic)).Token!.Value);
        Assert.Equal((1, 0), (result.Returned, result.Dead));
        Assert.Empty(result.Lost);
        Assert.Equal(2, (await FetchOneAsync(topic)).Attempt);
    }

    [Fact]
    public async Task Returned_with_a_delay_it_comes_when_the_delay_is_over()
    {
        var topic = await TopicOfAsync(1);
        var delay = TimeSpan.FromMinutes(5);
        await NackAsync(topic, (await FetchOneAsync(topic)).Token!.Value, delay);
        Clock.Advance(delay - Millisecond);
        Assert.Empty((await FetchAsync(topic)).Deliveries);
        Clock.Advance(Millisecond);
        Assert.Equal(2, (await FetchOneAsync(topic)).Attempt);
    }

    [Fact]
    public async Task Each_of_many_has_its_own_fate()
    {
        var topic = await TopicOfAsync(3);
        await SubscribeAsync(topic, new SubscriptionSettings { MaxAttempts = 2 });
        await NackAsync(topic, (await FetchOneAsync(topic)).Token!.Value);
        var tokens = Tokens(await FetchAsync(topic, max: 3));
        var lost = tokens[2] with { Fence = 1 };
        var result = await NackAsync(topic, [tokens[0], tokens[1], lost], reason: "no");
        Assert.Equal((1, 1), (result.Returned, result.Dead));
        Assert.Equal([lost], result.Lost);
    }

    [Fact]
    public async Task Without_attempts_left_it_is_a_dead_letter_with_the_reason_given()
    {
        var topic = await TopicOfAsync(1);
        await SubscribeAsync(topic, new SubscriptionSettings { MaxAttempts = 2 });
        await NackAsync(topic, (await FetchOneAsync(topic)).Token!.Value, reason: "first");
        var result = await NackAsync(topic, (await FetchOneAsync(topic)).Token!.Value, delay: TimeSpan.FromHours(1), reason: "second");

        Assert.Equal((0, 1), (result.Returned, result.Dead));
        var dead = Assert.Single(await DeadAsync(topic));
        Assert.Equal((1, 2, "second", Clock.GetUtcNow()), (dead.Id, dead.Attempts, dead.Reason, dead.DiedAt));
        Assert.Empty((await FetchAsync(topic)).Deliveries);
    }

    [Fact]
    public async Task Without_a_reason_the_dead_letter_still_says_something()
    {
        var topic = await TopicOfAsync(1);
        await SubscribeAsync(topic, new SubscriptionSettings { MaxAttempts = 1 });
        await NackAsync(topic, (await FetchOneAsync(topic)).Token!.Value);
        Assert.NotEmpty(Assert.Single(await DeadAsync(topic)).Reason);
    }

    [Fact]
    public async Task An_attempt_that_does_not_count_is_given_back()
    {
        var topic = await TopicOfAsync(1);
        await SubscribeAsync(topic, new SubscriptionSettings { MaxAttempts = 2 });
        for (var time = 0; time < 5; time++)
        {
            var delivery = await FetchOneAsync(topic);
            Assert.Equal(1, delivery.Attempt);
            var result = await NackAsync(topic, delivery.Token!.Value, AttemptUse.DoesNotCount, "not there");
            Assert.Equal((1, 0), (result.Returned, result.Dead));
        }

        await NackAsync(topic, (await FetchOneAsync(topic)).Token!.Value);
        Assert.Equal(2, (await FetchOneAsync(topic)).Attempt);
    }

    [Fact]
    public async Task The_last_attempt_may_be_given_back_too()
    {
        var topic = await TopicOfAsync(1);
        await SubscribeAsync(topic, new SubscriptionSettings { MaxAttempts = 1 });
        var result = await NackAsync(topic, (await FetchOneAsync(topic)).Token!.Value, AttemptUse.DoesNotCount);
        Assert.Equal((1, 0), (result.Returned, result.Dead));
        Assert.Equal(1, (await FetchOneAsync(topic)).Attempt);
    }

    [Fact]
    public async Task What_is_given_back_without_counting_waits_for_its_delay()
    {
        var topic = await TopicOfAsync(1);
        await NackAsync(topic, [(await FetchOneAsync(topic)).Token!.Value], Lease, use: AttemptUse.DoesNotCount);
        Assert.Equal(1, (await StatusAsync(topic)).Waiting);
        Clock.Advance(Lease - Millisecond);
        Assert.Empty((await FetchAsync(topic)).Deliveries);
        Clock.Advance(Millisecond);
        Assert.Equal(1, (await FetchOneAsync(topic)).Attempt);
    }

    [Fact]
    public async Task What_is_hopeless_is_a_dead_letter_at_once_and_has_all_its_attempts_when_it_is_replayed()
    {
        var topic = await TopicOfAsync(1);
        var result = await NackAsync(topic, (await FetchOneAsync(topic)).Token!.Value, AttemptUse.IsTheLast, "never");
        Assert.Equal((0, 1), (result.Returned, result.Dead));
        var dead = Assert.Single(await DeadAsync(topic));
        Assert.Equal((1, 1, "never"), (dead.Id, dead.Attempts, dead.Reason));
        Assert.Equal((0, 0, 1), await StatusAsync(topic) is var status ? (status.InFlight, status.Waiting, status.Dead) : default);

        await Store.ReplayDeadAsync(topic, Sub, ids: null, Cancellation);
        Assert.Equal(1, (await FetchOneAsync(topic)).Attempt);
    }

    [Theory]
    [InlineData(AttemptUse.DoesNotCount)]
    [InlineData(AttemptUse.IsTheLast)]
    public async Task A_token_that_is_not_current_changes_nothing_whatever_it_says(AttemptUse use)
    {
        var topic = await TopicOfAsync(1);
        var token = (await FetchOneAsync(topic, Lease)).Token!.Value;
        Clock.Advance(Lease);
        Assert.Equal([token], (await NackAsync(topic, token, use)).Lost);
        Assert.Equal(2, (await FetchOneAsync(topic)).Attempt);
        Assert.Empty(await DeadAsync(topic));
    }

    [Fact]
    public async Task Of_an_unknown_subscription_every_token_is_lost()
    {
        var topic = await TopicOfAsync(1);
        var token = new LeaseToken(1, 1);
        var result = await NackAsync(topic, token);
        Assert.Equal((0, 0), (result.Returned, result.Dead));
        Assert.Equal([token], result.Lost);
    }
}
