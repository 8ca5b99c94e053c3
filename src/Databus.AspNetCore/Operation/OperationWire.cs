namespace Databus.AspNetCore.Operation;

internal sealed record OverviewAnswer(
    string Version, DateTimeOffset StartedAt, string Environment, StoreAnswer Store,
    int Topics, long Items, int Subscriptions, int Sources, int Nodes, long InFlight, long Dead,
    long AddedLastMinute, long DuplicatesLastMinute, IEnumerable<WarningAnswer> Warnings);

internal sealed record StoreAnswer(string Kind, string Version, long DatabaseBytes, long WalBytes, long? FreeBytes);

/// <summary>Something an operator should know.</summary>
/// <param name="Code">Stable, for scripts.</param>
internal sealed record WarningAnswer(string Code, string Message);

internal sealed record HealthAnswer(string Status);
