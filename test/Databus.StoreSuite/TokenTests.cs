using Databus.Access;

namespace Databus.StoreSuite;

public abstract class TokenTests(StoreHome home) : StoreTests(home)
{
    [Fact]
    public async Task A_token_is_kept_by_its_hash_and_never_by_its_secret()
    {
        var (token, secret) = AccessToken.Create("laptop", Clock.GetUtcNow());
        Assert.True(await Store.AddTokenAsync(token, Cancellation));
        await ReopenAsync();
        var kept = Assert.Single(await Store.ListTokensAsync(Cancellation));
        Assert.Equal(("laptop", Clock.GetUtcNow(), null), (kept.Name, kept.CreatedAt, kept.LastUsedAt));
        Assert.Equal(AccessToken.HashOf(secret), kept.Hash);
    }

    [Fact]
    public async Task A_name_is_taken_once()
    {
        var (token, _) = AccessToken.Create("laptop", Clock.GetUtcNow());
        await Store.AddTokenAsync(token, Cancellation);
        Assert.False(await Store.AddTokenAsync(AccessToken.Create("laptop", Clock.GetUtcNow()).Token, Cancellation));
        Assert.Equal(token.Hash, Assert.Single(await Store.ListTokensAsync(Cancellation)).Hash);
    }

    [Fact]
    public async Task The_last_use_is_kept()
    {
        await Store.AddTokenAsync(AccessToken.Create("laptop", Clock.GetUtcNow()).Token, Cancellation);
        Clock.Advance(TimeSpan.FromHours(1));
        await Store.TouchTokenAsync("laptop", Clock.GetUtcNow(), Cancellation);
        await Store.TouchTokenAsync("unknown", Clock.GetUtcNow(), Cancellation);
        Assert.Equal(Clock.GetUtcNow(), Assert.Single(await Store.ListTokensAsync(Cancellation)).LastUsedAt);
    }

    [Fact]
    public async Task Deleted_its_name_is_free()
    {
        await Store.AddTokenAsync(AccessToken.Create("b", Clock.GetUtcNow()).Token, Cancellation);
        await Store.AddTokenAsync(AccessToken.Create("a", Clock.GetUtcNow()).Token, Cancellation);
        Assert.Equal(["a", "b"], (await Store.ListTokensAsync(Cancellation)).Select(token => token.Name));
        Assert.True(await Store.DeleteTokenAsync("b", Cancellation));
        Assert.False(await Store.DeleteTokenAsync("b", Cancellation));
        Assert.True(await Store.AddTokenAsync(AccessToken.Create("b", Clock.GetUtcNow()).Token, Cancellation));
    }
}
