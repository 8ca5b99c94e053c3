using Databus.Subscriptions;
using Databus.Topics;
using FsCheck;
using FsCheck.Fluent;

namespace Databus.StoreSuite;

/// <summary>
/// Random histories of one topic and one subscription, each step compared with <see cref="StoreModel"/>. A failure
/// prints the shortest history that shows it, and the seed to run it again.
/// </summary>
public abstract class ModelTests(StoreHome home) : StoreTests(home)
{
    private const int Histories = 150;
    private const int StepsPerHistory = 60;

    private static readonly TopicSettings OneMinute = new() { Window = TimeSpan.FromMinutes(1) };
    private static readonly SubscriptionSettings Settings = new() { Lease = Lease, MaxAttempts = 3, MaxInFlight = 5 };

    private int _histories;

    [Fact]
    public void Every_history_goes_as_the_model_says() => Check.One(
        Config.QuickThrowOnFailure.WithMaxTest(Histories),
        Prop.ForAll(
            Gen.ListOf(AnyStep(), StepsPerHistory).ToArbitrary(),
            steps => Task.Run(() => RunAsync(steps)).GetAwaiter().GetResult()));

    private static Gen<Step> AnyStep() => Gen.Frequency(
        (6, from keys in Gen.NonEmptyListOf(Gen.Choose(1, 12)) select (Step)new Append([.. keys])),
        (6, from max in Gen.Choose(1, 4) from seconds in Gen.Elements<int?>(null, 0, 1, 20, 90) select (Step)new Fetch(max, seconds)),
        (5, from token in Gen.Choose(0, 20) select (Step)new Acknowledge(token)),
        (3, from token in Gen.Choose(0, 20)
            from seconds in Gen.Elements(0, 1, 15)
            from use in Gen.Elements(AttemptUse.Counts, AttemptUse.Counts, AttemptUse.DoesNotCount, AttemptUse.IsTheLast)
            select (Step)new Return(token, seconds, use)),
        (2, from token in Gen.Choose(0, 20) from seconds in Gen.Elements(1, 15, 60) select (Step)new Extend(token, seconds)),
        (4, from milliseconds in Gen.Elements(1, 999, 1_000, 14_999, 15_000, 30_000, 60_000) select (Step)new Wait(milliseconds)),
        (1, from after in Gen.Choose(-1, 40) select (Step)new Rewind(after)),
        (1, Gen.Constant((Step)new Replay())),
        (1, Gen.Constant((Step)new Reopen())));

    private async Task RunAsync(IReadOnlyList<Step> steps)
    {
        var topic = await TopicAsync($"history-{++_histories}", OneMinute);
        await SubscribeAsync(topic, Settings);
        var model = new StoreModel(OneMinute.Window, Settings);
        var tokens = new List<LeaseToken>();
        foreach (var step in steps)
        {
            await TakeAsync(step, topic, model, tokens);
            var status = await StatusAsync(topic);
            Assert.Equal(
                model.Status(Clock.GetUtcNow()),
                (status.Position, status.LastId, status.InFlight, status.Waiting, status.Dead));
        }

        Assert.Equal(model.Keys, (await AllItemsAsync(topic)).Select(item => item.Key));
        Assert.Equal(model.DeadIds, (await DeadAsync(topic)).Select(dead => dead.Id));
    }

    private async Task TakeAsync(Step step, Topic topic, StoreModel model, List<LeaseToken> tokens)
    {
        var now = Clock.GetUtcNow();
        switch (step)
        {
            case Append append:
                Assert.Equal(append.Keys.Select(key => model.Append(key, now)), await AppendAsync(topic, [.. append.Keys.Select(Keyed)]));
                break;

            case Fetch fetch:
                TimeSpan? lease = fetch.LeaseSeconds is { } seconds ? TimeSpan.FromSeconds(seconds) : null;
                var fetched = await FetchAsync(topic, fetch.Max, lease);
                Assert.Equal(
                    model.Fetch(fetch.Max, lease ?? Lease, now),
                    fetched.Deliveries.Select(delivery => (delivery.Id, delivery.Attempt)));
                Assert.Equal(model.NextDueAt, fetched.NextDueAt);
                foreach (var token in fetched.Deliveries.Select(delivery => delivery.Token).OfType<LeaseToken>())
                {
                    model.Leased(token);
                    tokens.Add(token);
                }

                break;

            case Acknowledge acknowledge when Pick(acknowledge.Token) is { } token:
                Assert.Equal(model.Acknowledge(token, now), (await AcknowledgeAsync(topic, token)).Count == 0);
                break;

            case Return back when Pick(back.Token) is { } token:
                var result = await NackAsync(topic, [token], TimeSpan.FromSeconds(back.DelaySeconds), "returned", back.Use);
                Assert.Equal(model.Return(token, TimeSpan.FromSeconds(back.DelaySeconds), back.Use, now), (result.Returned, result.Dead, result.Lost.Count));
                break;

            case Extend extend when Pick(extend.Token) is { } token:
                var lost = await Store.ExtendAsync(topic, Sub, [token], TimeSpan.FromSeconds(extend.LeaseSeconds), Cancellation);
                Assert.Equal(model.Extend(token, TimeSpan.FromSeconds(extend.LeaseSeconds), now), lost.Count == 0);
                break;

            case Wait wait:
                Clock.Advance(TimeSpan.FromMilliseconds(wait.Milliseconds));
                break;

            case Rewind rewind:
                Assert.True(await Store.RewindAsync(topic, Sub, RewindTarget.After(rewind.After), Cancellation));
                model.Rewind(rewind.After);
                break;

            case Replay:
                Assert.Equal(model.Replay(now), await Store.ReplayDeadAsync(topic, Sub, ids: null, Cancellation));
                break;

            case Reopen:
                await ReopenAsync();
                break;
        }

        // The newest tokens are the likeliest to be current; older ones must be refused.
        LeaseToken? Pick(int age) => age < tokens.Count ? tokens[^(age + 1)] : null;
    }

    private abstract record Step;

    private sealed record Append(int[] Keys) : Step
    {
        public override string ToString() => $"Append {string.Join(' ', Keys)}";
    }

    private sealed record Fetch(int Max, int? LeaseSeconds) : Step;

    private sealed record Acknowledge(int Token) : Step;

    private sealed record Return(int Token, int DelaySeconds, AttemptUse Use) : Step;

    private sealed record Extend(int Token, int LeaseSeconds) : Step;

    private sealed record Wait(int Milliseconds) : Step;

    private sealed record Rewind(long After) : Step;

    private sealed record Replay : Step;

    private sealed record Reopen : Step;
}
