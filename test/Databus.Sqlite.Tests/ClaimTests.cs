using Databus.Sources;
using Databus.Testing;

namespace Databus.Sqlite.Tests;

/// <summary>Only here: where other processes may share a store, a claim outlives the process that has it.</summary>
public sealed class ClaimTests
{
    [Fact]
    public async Task A_claim_ends_with_the_only_process_there_is()
    {
        await using var home = new SqliteHome();
        var clock = new FakeClock();
        await using (var store = home.Create(clock))
        {
            await store.OpenAsync(CancellationToken.None);
            await store.PutSourceAsync(
                new SourceSettings("news", "feed", "letters", new Uri("https://example.org/feed.xml")), CancellationToken.None);
            Assert.True(await store.TryClaimPollAsync("news", SourcePoller.Claim, CancellationToken.None));
        }

        await using var next = home.Create(clock);
        await next.OpenAsync(CancellationToken.None);
        Assert.True(await next.TryClaimPollAsync("news", SourcePoller.Claim, CancellationToken.None));
    }
}
