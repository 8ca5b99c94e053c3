using Databus.Access;
using Databus.Server.CommandLine;
using Databus.Storage;

namespace Databus.Server.Serving;

/// <summary>What the command line does to the tokens in a store, of whatever kind. Opens the store and closes it again.</summary>
internal static class TokenCommands
{
    public static Task<CreatedToken?> CreateAsync(IStore store, string name, CancellationToken cancellationToken) => WithAsync(store, async () =>
    {
        var created = await new TokenVerifier(store, TimeProvider.System).CreateAsync(name, cancellationToken);
        return created is var (token, secret) ? new CreatedToken(token.Name, secret, token.CreatedAt) : null;
    });

    public static Task<IReadOnlyList<KnownToken>> ListAsync(IStore store, CancellationToken cancellationToken) =>
        WithAsync<IReadOnlyList<KnownToken>>(store, async () =>
            [.. (await store.ListTokensAsync(cancellationToken)).Select(token => new KnownToken(token.Name, token.CreatedAt, token.LastUsedAt))]);

    public static Task<bool> DeleteAsync(IStore store, string name, CancellationToken cancellationToken) =>
        WithAsync(store, () => store.DeleteTokenAsync(name, cancellationToken));

    private static async Task<T> WithAsync<T>(IStore store, Func<Task<T>> work)
    {
        await using (store)
        {
            try
            {
                await store.OpenAsync(CancellationToken.None);
                return await work();
            }
            catch (StoreException error)
            {
                throw new CommandFailure(ExitCodes.Failed, error.Message);
            }
        }
    }
}
