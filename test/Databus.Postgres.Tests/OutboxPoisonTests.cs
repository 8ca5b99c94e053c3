using System.Globalization;
using Databus.Destinations;
using Databus.Outbox;
using Databus.StoreSuite.Outbox;
using Databus.Testing;

namespace Databus.Postgres.Tests;

/// <summary>Many messages that nobody will ever take, recorded before many that are good.</summary>
public sealed class OutboxPoisonTests : IAsyncDisposable
{
    private const int Poison = 100;
    private const int Good = 10_000;
    private const int MaxAttempts = 4;

    /// <summary>Of the good ones, these many keys have poison in front of them.</summary>
    private const int PoisonedKeys = 20;
    private const int Keys = 100;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly OutboxPostgresHome _home = new();
    private readonly Mailbox _box = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync() => await _home.DisposeAsync();

    [Fact]
    public async Task All_good_ones_are_delivered_and_the_others_are_parked_with_reasons_and_replayed()
    {
        Poisoned();
        await using var node = await StartAsync(OutboxParking.Message);
        await RecordAsync(node, Enumerable.Range(0, Poison).Select(number => new Note($"bad {number}")));
        await RecordAsync(node, Enumerable.Range(0, Good).Select(number => new Note($"{number}")));
        Assert.True(await _box.HasAsync(Good, Patience), $"{_box.Mails.Count} arrived.");
        var parked = await ParkedAsync(node, Poison);
        Assert.All(parked, one => Assert.Equal((MaxAttempts, $"{Text(one)} is poison."), (one.Attempts, one.Reason)));

        // Nobody paid for them with an attempt, or with a second delivery.
        Assert.Equal(Enumerable.Range(0, Good), _box.Mails.Select(mail => int.Parse(mail.Text, CultureInfo.InvariantCulture)).Order());
        Assert.All(_box.Mails, mail => Assert.Equal(1, mail.Attempt));
        await NothingPendingAsync(node);

        _box.Behaviour = static (_, _) => null;
        Assert.Equal(Poison, await node.Client.ReplayAsync([.. parked.Select(one => one.Id)], Cancellation));
        Assert.True(await _box.HasAsync(Good + Poison, Patience));
        Assert.Equal(parked.Select(Text).Order(), _box.Mails.Skip(Good).Select(mail => mail.Text).Order());
        Assert.Equal(parked.Select(one => one.MessageId).Order(), _box.Mails.Skip(Good).Select(mail => mail.Id).Order());
        await NothingPendingAsync(node);
    }

    [Fact]
    public async Task Where_keys_are_parked_those_of_the_poison_wait_and_all_others_go_on()
    {
        Poisoned();
        await using var node = await StartAsync(OutboxParking.Key);

        // Five of each of their keys: the first holds up the others, and they those of the good ones.
        await RecordAsync(node, Enumerable.Range(0, Poison).Select(number => new Note($"bad {number}", $"{number % PoisonedKeys}")));
        await RecordAsync(node, Enumerable.Range(0, Good).Select(number => new Note($"{number}", $"{number % Keys}")));
        const int Held = Good / Keys * PoisonedKeys;
        Assert.True(await _box.HasAsync(Good - Held, Patience), $"{_box.Mails.Count} arrived.");
        Assert.All(_box.Mails, mail => Assert.True(int.Parse(mail.Key!, CultureInfo.InvariantCulture) >= PoisonedKeys));
        var parked = await ParkedAsync(node, PoisonedKeys);
        Assert.All(parked, one => Assert.Equal((MaxAttempts, $"{Text(one)} is poison.", true), (one.Attempts, one.Reason, one.HoldsKey)));
        Assert.True(await Deadline.WaitAsync(
            async () => await node.Client.PendingAsync(Cancellation) is [{ Count: Held + Poison - PoisonedKeys, Parked: PoisonedKeys }], Patience, Cancellation));
        Assert.Equal(Good - Held, _box.Mails.Count);

        // Healed and replayed, each key goes on where it stood.
        _box.Behaviour = static (_, _) => null;
        Assert.Equal(PoisonedKeys, await node.Client.ReplayAsync([.. parked.Select(one => one.Id)], Cancellation));
        Assert.True(await _box.HasAsync(Good + Poison, Patience), $"{_box.Mails.Count} arrived.");
        await NothingPendingAsync(node);
        Assert.Equal(Good + Poison, _box.Mails.Count);
        foreach (var key in _box.Mails.GroupBy(mail => mail.Key, StringComparer.Ordinal))
        {
            var number = int.Parse(key.Key!, CultureInfo.InvariantCulture);
            var bad = number < PoisonedKeys ? Enumerable.Range(0, Poison / PoisonedKeys).Select(round => $"bad {number + (round * PoisonedKeys)}") : [];
            Assert.Equal([.. bad, .. Enumerable.Range(0, Good / Keys).Select(round => $"{number + (round * Keys)}")], key.Select(mail => mail.Text));
        }
    }

    private static string Text(ParkedMessage message) =>
        System.Text.Json.JsonDocument.Parse(message.Content).RootElement.GetProperty("Text").GetString()!;

    private static async Task<IReadOnlyList<ParkedMessage>> ParkedAsync(OutboxNode node, int count)
    {
        IReadOnlyList<ParkedMessage> parked = [];
        Assert.True(await Deadline.WaitAsync(
            async () => (parked = await node.Client.ListParkedAsync(limit: 1000, cancellationToken: Cancellation)).Count >= count, Patience, Cancellation));
        Assert.Equal(count, parked.Count);
        return parked;
    }

    private static async Task NothingPendingAsync(OutboxNode node) => Assert.True(await Deadline.WaitAsync(
        async () => (await node.Client.PendingAsync(Cancellation)).All(pending => pending.Count == 0), Patience, Cancellation));

    private void Poisoned() => _box.Behaviour = static (text, _) =>
        text.StartsWith("bad", StringComparison.Ordinal) ? new SendOutcome(SendResult.Failed, $"{text} is poison.") : null;

    private Task<OutboxNode> StartAsync(OutboxParking parks) => OutboxNode.StartAsync(
        _home, _box, notes => (notes.MaxAttempts, notes.Parks, notes.BackOff) = (MaxAttempts, parks, static attempt => TimeSpan.FromMilliseconds(20 * attempt)));

    private async Task RecordAsync(OutboxNode node, IEnumerable<Note> notes)
    {
        await using var connection = await _home.ConnectAsync();
        await node.Client.RecordManyAsync(connection, notes, Cancellation);
    }
}
