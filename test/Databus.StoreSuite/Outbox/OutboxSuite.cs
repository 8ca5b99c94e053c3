using System.Data.Common;
using System.Globalization;
using System.Text;
using Databus.Outbox;
using Databus.Testing;

namespace Databus.StoreSuite.Outbox;

/// <summary>
/// What all classes of the outbox' suite share: an open store on a fresh database, a clock that stands still, and short words for
/// what nearly every test does.
/// </summary>
public abstract class OutboxSuite(OutboxHome home) : IAsyncLifetime
{
    protected const string Letter = "letter";
    protected static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    protected static readonly TimeSpan Lease = TimeSpan.FromSeconds(10);

    protected FakeClock Clock { get; } = new();

    protected IOutboxStore Store { get; private set; } = null!;

    protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => Store = await OpenAsync();

    public async ValueTask DisposeAsync()
    {
        await Store.DisposeAsync();
        await home.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    /// <summary>A message whose content is a text.</summary>
    protected static NewOutboxMessage Message(string text, string? key = null, string type = Letter) =>
        new(Guid.CreateVersion7(), type, key, Encoding.UTF8.GetBytes($"\"{text}\""), TraceParent: null);

    protected static NewOutboxMessage[] Messages(int count) =>
        [.. Enumerable.Range(1, count).Select(number => Message(number.ToString(CultureInfo.InvariantCulture)))];

    protected static string Text(ClaimedOutboxMessage message) => Encoding.UTF8.GetString(message.Content).Trim('"');

    protected static IEnumerable<string> Texts(OutboxBatch? batch) => batch?.Messages.Select(Text) ?? [];

    protected static string Text(ParkedMessage message) => Encoding.UTF8.GetString(message.Content.Span).Trim('"');

    protected Task<DbConnection> ConnectAsync() => home.ConnectAsync();

    protected async Task<IOutboxStore> OpenAsync()
    {
        var store = home.Create(Clock);
        await store.OpenAsync(migrate: true, Cancellation);
        return store;
    }

    /// <summary>Records messages in a transaction of their own, which commits.</summary>
    protected async Task<OutboxRecord> RecordAsync(params NewOutboxMessage[] messages)
    {
        await using var connection = await ConnectAsync();
        return await Store.RecordAsync(connection, transaction: null, messages, Cancellation);
    }

    /// <summary>Records messages with these keys, one by one, whose texts are the key and a number: a1, a2, b1.</summary>
    protected async Task RecordKeyedAsync(params string[] texts)
    {
        foreach (var text in texts)
            await RecordAsync(Message(text, key: text[..1]));
    }

    protected Task<OutboxClaims> LookAsync(params OutboxLook[] looks) => Store.ClaimAsync(looks, Lease, underWay: [], Cancellation);

    /// <summary>Claims a batch of one type; null: there is nothing to claim.</summary>
    protected async Task<OutboxBatch?> ClaimAsync(int most = 100, string type = Letter, long from = 0, bool ignoresBackOff = false, bool wholeType = false)
    {
        var claims = await LookAsync(new OutboxLook(type, Guid.NewGuid(), most, from) { IgnoresBackOff = ignoresBackOff, WholeType = wholeType });
        return claims.Batches.Count == 0 ? null : Assert.Single(claims.Batches);
    }

    /// <summary>Claims what must be there.</summary>
    protected async Task<OutboxBatch> ClaimSomeAsync(int most = 100, string type = Letter)
    {
        var batch = await ClaimAsync(most, type);
        Assert.NotNull(batch);
        return batch;
    }

    /// <summary>Ends a claim with the same result for each of its messages. False: it was lost.</summary>
    protected async Task<bool> EndAsync(OutboxBatch batch, OutboxResult result, TimeSpan time = default, string? reason = null, bool holdsKey = false) =>
        await CompleteAsync(batch, [.. batch.Messages.Select(message => new OutboxEnd(message.Id, result, reason ?? (result == OutboxResult.Sent ? null : "no"), time, holdsKey))]);

    protected async Task<bool> CompleteAsync(OutboxBatch batch, params OutboxEnd[] ends)
    {
        var lost = await Store.CompleteAsync([new OutboxCompletion(batch.Token, ends)], Cancellation);
        Assert.All(lost, token => Assert.Equal(batch.Token, token));
        return lost.Count == 0;
    }

    /// <summary>Claims and sends all there is, and gives the texts in the order in which they came.</summary>
    protected async Task<IReadOnlyList<string>> SendAllAsync(string type = Letter, int most = 100)
    {
        var texts = new List<string>();
        while (await ClaimAsync(most, type) is { } batch)
        {
            texts.AddRange(Texts(batch));
            Assert.True(await EndAsync(batch, OutboxResult.Sent));
        }

        return texts;
    }

    protected async Task<PendingMessages?> PendingAsync(string type = Letter) =>
        (await Store.PendingAsync(Cancellation)).SingleOrDefault(one => one.Type == type);

    protected async Task<IReadOnlyList<ParkedMessage>> ParkedAsync() => await Store.ListParkedAsync(types: null, after: 0, limit: 1000, Cancellation);
}
