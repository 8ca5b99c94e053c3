using Databus.Access;
using Databus.Storage;

namespace Databus.Tests.Access;

public sealed class TokenVerifierTests : IAsyncLifetime
{
    private Engine _engine = null!;
    private TokenVerifier _verifier = null!;

    public async ValueTask InitializeAsync()
    {
        _engine = await Engine.StartAsync();
        _verifier = new TokenVerifier(_engine.Store, _engine.Clock);
    }

    public ValueTask DisposeAsync() => _engine.DisposeAsync();

    [Fact]
    public async Task A_secret_tells_whose_it_is_from_the_moment_it_is_created_until_it_is_deleted()
    {
        Assert.Null(await VerifyAsync("dbt_unknown"));
        var laptop = await CreateAsync("laptop");
        var server = await CreateAsync("server");
        Assert.Equal(("laptop", "server"), (await VerifyAsync(laptop), await VerifyAsync(server)));

        Assert.True(await _verifier.DeleteAsync("laptop", CancellationToken.None));
        Assert.False(await _verifier.DeleteAsync("laptop", CancellationToken.None));
        Assert.Equal((null, "server"), (await VerifyAsync(laptop), await VerifyAsync(server)));
    }

    [Fact]
    public async Task Secrets_are_recognisable_random_and_stored_only_as_a_hash()
    {
        var secrets = new HashSet<string>(StringComparer.Ordinal);
        for (var number = 0; number < 100; number++)
            Assert.True(secrets.Add(await CreateAsync($"token-{number}")));
        Assert.All(secrets, secret => Assert.Matches("^dbt_[A-Za-z0-9_-]{43}$", secret));
        Assert.All(await _engine.Store.ListTokensAsync(CancellationToken.None), token => Assert.Equal(32, token.Hash.Length));
    }

    [Fact]
    public async Task A_name_is_taken_once_and_the_first_secret_stays_good()
    {
        var secret = await CreateAsync("laptop");
        Assert.Null(await _verifier.CreateAsync("laptop", CancellationToken.None));
        Assert.Equal("laptop", await VerifyAsync(secret));
    }

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("laptop")]
    public async Task Nothing_but_the_secret_is_good(string sent)
    {
        var secret = await CreateAsync("laptop");
        Assert.Null(await VerifyAsync(sent));
        Assert.Null(await VerifyAsync(secret + sent + "x"));
        Assert.Null(await VerifyAsync(secret[..^1]));
        Assert.Null(await VerifyAsync(secret.ToUpperInvariant()));
    }

    [Fact]
    public async Task The_last_use_is_kept_at_most_once_a_minute()
    {
        var secret = await CreateAsync("laptop");
        for (var second = 0; second < 120; second++)
        {
            await VerifyAsync(secret);
            _engine.Clock.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Equal(2, _engine.Probe.Asked(nameof(IStore.TouchTokenAsync)));
        Assert.Equal(
            _engine.Clock.GetUtcNow() - TimeSpan.FromMinutes(1),
            Assert.Single(await _engine.Store.ListTokensAsync(CancellationToken.None)).LastUsedAt);
    }

    [Fact]
    public async Task The_store_is_asked_once_a_second_however_many_sign_in_and_not_for_each_nonsense()
    {
        var secret = await CreateAsync("laptop");
        for (var request = 0; request < 1_000; request++)
        {
            Assert.Equal("laptop", await VerifyAsync(secret));
            Assert.Null(await VerifyAsync($"dbt_{request}"));
        }

        Assert.Equal(1, _engine.Probe.Asked(nameof(IStore.ListTokensAsync)));
    }

    [Fact]
    public async Task What_another_process_does_to_the_tokens_counts_within_a_second()
    {
        var secret = await CreateAsync("laptop");
        Assert.Equal("laptop", await VerifyAsync(secret));

        // As another node does it: the store changes, and this verifier is not told.
        var (token, created) = AccessToken.Create("server", _engine.Clock.GetUtcNow());
        await _engine.Store.AddTokenAsync(token, CancellationToken.None);
        _engine.Clock.Advance(TimeSpan.FromSeconds(0.1));
        Assert.Equal("server", await VerifyAsync(created));

        await _engine.Store.DeleteTokenAsync("laptop", CancellationToken.None);
        _engine.Clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal((null, "server"), (await VerifyAsync(secret), await VerifyAsync(created)));
    }

    [Fact]
    public async Task A_token_deleted_while_the_tokens_were_being_read_is_not_remembered()
    {
        var secret = await CreateAsync("laptop");
        var held = new TaskCompletionSource();
        _engine.Probe.Hold(nameof(IStore.ListTokensAsync), held.Task);
        var early = VerifyAsync(secret);
        _engine.Probe.LetGo(nameof(IStore.ListTokensAsync));
        await _verifier.DeleteAsync("laptop", CancellationToken.None);
        held.SetResult();
        await early;
        Assert.Null(await VerifyAsync(secret));
    }

    private async Task<string> CreateAsync(string name)
    {
        var created = await _verifier.CreateAsync(name, CancellationToken.None);
        Assert.NotNull(created);
        return created.Value.Secret;
    }

    private Task<string?> VerifyAsync(string secret) => _verifier.VerifyAsync(secret, CancellationToken.None).AsTask();
}
