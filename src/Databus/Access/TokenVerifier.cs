using System.Collections.Frozen;
using Databus.Storage;

namespace Databus.Access;

/// <summary>Tells whose secret was sent. Holds the hashes in memory, and reads them again when tokens change.</summary>
public sealed class TokenVerifier(IStore store, TimeProvider time)
{
    private static readonly TimeSpan BetweenTouches = TimeSpan.FromMinutes(1);

    private readonly Lock _gate = new();
    private FrozenDictionary<string, Known>? _known;
    private int _changes;

    /// <summary>The name of the token with this secret; null when there is none.</summary>
    public async ValueTask<string?> VerifyAsync(string secret, CancellationToken cancellationToken)
    {
        var known = _known ?? await LoadAsync(cancellationToken);

        // Looked up by the hash of what was sent: how long that takes says nothing about any secret.
        if (!known.TryGetValue(Convert.ToHexString(AccessToken.HashOf(secret)), out var token))
            return null;
        await TouchAsync(token, cancellationToken);
        return token.Name;
    }

    /// <summary>Creates a token. The secret is in the answer and nowhere else. Null: the name is taken.</summary>
    public async Task<(AccessToken Token, string Secret)?> CreateAsync(string name, CancellationToken cancellationToken)
    {
        var created = AccessToken.Create(name, time.GetUtcNow());
        if (!await store.AddTokenAsync(created.Token, cancellationToken))
            return null;
        Forget();
        return created;
    }

    public async Task<bool> DeleteAsync(string name, CancellationToken cancellationToken)
    {
        var deleted = await store.DeleteTokenAsync(name, cancellationToken);
        Forget();
        return deleted;
    }

    private void Forget()
    {
        lock (_gate)
        {
            _changes++;
            _known = null;
        }
    }

    private async Task<FrozenDictionary<string, Known>> LoadAsync(CancellationToken cancellationToken)
    {
        var changes = Volatile.Read(ref _changes);
        var tokens = await store.ListTokensAsync(cancellationToken);
        var known = tokens.ToFrozenDictionary(
            token => Convert.ToHexString(token.Hash), token => new Known(token.Name) { TouchedAt = token.LastUsedAt }, StringComparer.Ordinal);

        // What was read before a token was deleted must not be remembered after it.
        lock (_gate)
        {
            if (changes == _changes)
                _known = known;
        }

        return known;
    }

    private async ValueTask TouchAsync(Known token, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        if (token.TouchedAt is { } last && now - last < BetweenTouches)
            return;
        token.TouchedAt = now;
        await store.TouchTokenAsync(token.Name, now, cancellationToken);
    }

    private sealed class Known(string name)
    {
        public string Name => name;

        public DateTimeOffset? TouchedAt { get; set; }
    }
}
