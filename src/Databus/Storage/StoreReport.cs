namespace Databus.Storage;

/// <summary>The state of the store itself.</summary>
/// <param name="Kind">The word that names the kind of store, for example <c>sqlite</c>.</param>
/// <param name="FreeBytes">Free space where the store lives; null when that is not ours to know.</param>
public sealed record StoreReport(
    string Kind, string Version, long DatabaseBytes, long WalBytes, long? FreeBytes, IReadOnlyList<Warning> Warnings);

/// <summary>Something an operator should know.</summary>
/// <param name="Code">Stable, for scripts.</param>
public sealed record Warning(string Code, string Message);
