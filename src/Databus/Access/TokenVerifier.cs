using System.Collections.Frozen;
using Databus.Storage;

namespace Databus.Access;

/// <summary>
/// Tells whose secret was sent. Holds the hashes in memory: a token that another process deletes is good for at most a second
/// more, and one that it creates is good within a tenth of a second.
/// </summary>
public sealed class TokenVerifier(IStore store, TimeProvider time)
{
    private static readonly TimeSpan BetweenTouches = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LongestMemory = TimeSpan.FromSeconds(1);

    /// <summary>Short, and yet so long that whoever sends nonsense does not make the store read each time.</summary>
    private static readonly TimeSpan LongestMemoryOfTheUnknown = TimeSpan.FromMilliseconds(100);

    private readonly Lock _gate = new();
    private Memory? _memory;
    private int _changes;

    /// <summary>The name of the token with this secret; null when there is none.</summary>
    public async ValueTask<string?> VerifyAsync(string secret, CancellationToken cancellationToken)
    {
        // Looked up by the hash of what was sent: how long that takes says nothing about any secret.
        var hash = Convert.ToHexString(AccessToken.HashOf(secret));
        var token = (await KnownAsync(LongestMemory, cancellationToken)).GetValueOrDefault(hash)
            ?? (await KnownAsync(LongestMemoryOfTheUnknown, cancellationToken)).GetValueOrDefault(hash);
        if (token is null)
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
            _memory = null;
        }
    }

    private async ValueTask<FrozenDictionary<string, Known>> KnownAsync(TimeSpan longest, CancellationToken cancellationToken)
    {
        var memory = _memory;
        return memory is not null && time.GetElapsedTime(memory.ReadAt) < longest ? memory.Known : await LoadAsync(cancellationToken);
    }

    private async Task<FrozenDictionary<string, Known>> LoadAsync(CancellationToken cancellationToken)
    {
        var readAt = time.GetTimestamp();
        var changes = Volatile.Read(ref _changes);
        var tokens = await store.ListTokensAsync(cancellationToken);
        var known = tokens.ToFrozenDictionary(
            token => Convert.ToHexString(token.Hash), token => new Known(token.Name) { TouchedAt = token.LastUsedAt }, StringComparer.Ordinal);

        // What was read before a token was deleted must not be remembered after it.
        lock (_gate)
        {
            if (changes == _changes)
                _memory = new Memory(known, readAt);
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

    /// <summary>The tokens as they were read last.</summary>
    /// <param name="ReadAt">Before the read began.</param>
    private sealed record Memory(FrozenDictionary<string, Known> Known, long ReadAt);

    private sealed class Known(string name)
    {
        public string Name => name;

        public DateTimeOffset? TouchedAt { get; set; }
    }
}
