using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Threading.Channels;
using Databus.Destinations;
using Databus.Subscriptions;

namespace Databus.AspNetCore.Tests.Subscriptions;

/// <summary>A kind of destination that keeps what is sent in memory. It needs a box and knows a colour.</summary>
internal sealed class MailboxKind : IDestinationKind, IDestination
{
    private readonly Channel<long> _arrived = Channel.CreateUnbounded<long>();

    public string Name => "mailbox";

    public ValueTask<long> NextAsync() => _arrived.Reader.ReadAsync(TestContext.Current.CancellationToken);

    public bool TryRead(
        JsonElement configuration, [NotNullWhen(true)] out DestinationSettings? settings, [NotNullWhen(false)] out DestinationRefusal? refusal)
    {
        (settings, refusal) = (null, null);
        foreach (var member in configuration.EnumerateObject().Where(member => member.Name is not ("box" or "colour")))
            refusal = new DestinationRefusal(member.Name, $"There is no member {member.Name}; there are box, colour.");
        if (!configuration.TryGetProperty("box", out var box) || box.ValueKind != JsonValueKind.String)
            refusal = new DestinationRefusal("box", "box is needed: where to put the items.");
        if (refusal is not null)
            return false;
        var colour = configuration.TryGetProperty("colour", out var given) ? given.GetString() : "red";
        settings = new DestinationSettings(Name, $$"""{"box":"{{box.GetString()}}","colour":"{{colour}}"}""");
        return true;
    }

    public IDestination Open(PushSubscription subscription) => this;

    public Task<IReadOnlyList<SendOutcome>> SendAsync(IReadOnlyList<Delivery> deliveries, CancellationToken cancellationToken)
    {
        foreach (var delivery in deliveries)
            _arrived.Writer.TryWrite(delivery.Id);
        return Task.FromResult<IReadOnlyList<SendOutcome>>([.. deliveries.Select(_ => SendOutcome.Sent)]);
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
