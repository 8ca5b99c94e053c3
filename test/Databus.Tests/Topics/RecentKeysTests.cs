using Databus.Json;
using Databus.Topics;

namespace Databus.Tests.Topics;

public sealed class RecentKeysTests
{
    private const string Generation = "g";
    private const int Topic = 1;

    private static readonly DateTimeOffset Now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(9)]
    [InlineData(100)]
    public void It_holds_no_more_than_it_may_and_those_met_last(int most)
    {
        var keys = new RecentKeys(most);
        for (var key = 1; key <= 1000; key++)
            Remember(keys, key);
        var known = Enumerable.Range(1, 1000).Reverse().TakeWhile(key => Knows(keys, key)).Count();
        Assert.InRange(known, most / 2, most + 1);
    }

    [Fact]
    public void A_key_that_is_met_again_and_again_stays()
    {
        var keys = new RecentKeys(10);
        Remember(keys, 0);
        for (var key = 1; key <= 1000; key++)
        {
            Remember(keys, key);
            Assert.True(Knows(keys, 0));
        }
    }

    [Fact]
    public void Looking_allocates_nothing()
    {
        var keys = new RecentKeys(1000);
        for (var key = 1; key <= 700; key++)
            Remember(keys, key);
        NewItem[] items = [.. Enumerable.Range(1, 1000).Select(Item)];
        var outcomes = new AppendOutcome[items.Length];
        keys.Find(Generation, Topic, items, Now, outcomes);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var found = keys.Find(Generation, Topic, items, Now, outcomes);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(700, found);
    }

    [Fact]
    public async Task Many_use_it_at_once()
    {
        var keys = new RecentKeys(100);
        await Task.WhenAll(Enumerable.Range(0, 8).Select(sender => Task.Run(() =>
        {
            var outcomes = new AppendOutcome[1];
            for (var i = 1; i <= 20_000; i++)
            {
                var key = 1 + (i * (sender + 1) % 300);
                Remember(keys, key, generation: i % 1000 == 0 ? "other" : Generation);
                outcomes[0] = default;
                if (keys.Find(Generation, Topic, [Item(key)], Now, outcomes) == 1)
                    Assert.Equal(key, outcomes[0].Id);
            }
        })));
    }

    private static NewItem Item(int key) => new([], KeyHash.FromText($"{key}"), $"{key}", Source: null);

    private static void Remember(RecentKeys keys, int key, string generation = Generation) =>
        keys.Remember(generation, Topic, [new KnownKey(KeyHash.FromText($"{key}"), key, Now.AddDays(1))]);

    private static bool Knows(RecentKeys keys, int key) => keys.Find(Generation, Topic, [Item(key)], Now, new AppendOutcome[1]) == 1;
}
