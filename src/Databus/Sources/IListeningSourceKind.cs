using System.Diagnostics.CodeAnalysis;

namespace Databus.Sources;

/// <summary>
/// One way of taking items that are brought, where <see cref="ISourceKind"/> is for those that are fetched: AMQP.
/// Every node that collects listens; the other side divides the items among them.
/// </summary>
public interface IListeningSourceKind
{
    /// <summary>The word that names this kind in configuration, for example <c>amqp</c>.</summary>
    string Name { get; }

    /// <summary>Whether this kind understands the address; otherwise a plain sentence that says what it expects.</summary>
    bool Accepts(Uri address, [NotNullWhen(false)] out string? refusal);

    /// <summary>
    /// Listens until it is cancelled, and reconnects by itself. Tells the other side that an item is taken only after
    /// <paramref name="inbox"/> has it on disk.
    /// </summary>
    Task ListenAsync(SourceSettings source, SourceInbox inbox, CancellationToken cancellationToken);
}
