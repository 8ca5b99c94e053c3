using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using Databus.Subscriptions;

namespace Databus.Destinations;

/// <summary>One way of pushing items outside: AMQP today; webhooks, chats and jobs later.</summary>
public interface IDestinationKind
{
    /// <summary>The word that names this kind in configuration, for example <c>rabbitmq</c>.</summary>
    string Name { get; }

    /// <summary>
    /// Judges a configuration and completes it: the result names every setting, defaults included.
    /// </summary>
    /// <param name="configuration">One JSON object.</param>
    /// <param name="refusal">The member that is wrong and a plain sentence that says why.</param>
    bool TryRead(
        JsonElement configuration, [NotNullWhen(true)] out DestinationSettings? settings, [NotNullWhen(false)] out DestinationRefusal? refusal);

    /// <summary>Opens the way to a destination. Connects when it first sends, not here.</summary>
    IDestination Open(PushSubscription subscription);
}

/// <summary>What is wrong with a destination's configuration.</summary>
public sealed record DestinationRefusal(string Field, string Sentence);

/// <summary>An open way to one destination. Sends may overlap.</summary>
public interface IDestination : IAsyncDisposable
{
    /// <summary>
    /// Sends a batch, with as many under way at once as the other side bears, and says of each what became of it, in
    /// the order given. What the other side does wrong is an outcome and not an exception. When cancelled, what is
    /// not known to have arrived is <see cref="SendResult.Unavailable"/>.
    /// </summary>
    Task<IReadOnlyList<SendOutcome>> SendAsync(IReadOnlyList<Delivery> deliveries, CancellationToken cancellationToken);
}

/// <summary>What became of something that was sent.</summary>
public enum SendResult
{
    /// <summary>The other side has it for good.</summary>
    Sent,

    /// <summary>This item was not taken; it is tried again later and has used up an attempt.</summary>
    Failed,

    /// <summary>This item will never be taken: a dead letter at once.</summary>
    Hopeless,

    /// <summary>
    /// The destination as a whole is not there or asks for patience. No attempt is used up, and nothing is sent for a while.
    /// </summary>
    Unavailable,
}

/// <summary>What became of one delivery that was sent.</summary>
/// <param name="Reason">A plain sentence for the operator; null when it was sent.</param>
/// <param name="RetryAfter">The other side asks to be left alone for this long.</param>
public readonly record struct SendOutcome(SendResult Result, string? Reason = null, TimeSpan? RetryAfter = null)
{
    public static readonly SendOutcome Sent = new(SendResult.Sent);
}
