using System.Text.Json.Serialization;

namespace Databus.Server.CommandLine;

/// <summary>
/// What the command line does to one kind of store without a server in between. Each delegate opens the store, does its work and
/// closes it again; what it refuses it throws as <see cref="CommandFailure"/>.
/// </summary>
internal sealed record StoreCommands
{
    /// <summary>Creates a token of this name and returns it with its secret; null when the name is taken.</summary>
    public required Func<StoreLocation, string, CancellationToken, Task<CreatedToken?>> CreateToken { get; init; }

    /// <summary>Every token, without its secret.</summary>
    public required Func<StoreLocation, CancellationToken, Task<IReadOnlyList<KnownToken>>> ListTokens { get; init; }

    /// <summary>Deletes the token of this name; false when there is none.</summary>
    public required Func<StoreLocation, string, CancellationToken, Task<bool>> DeleteToken { get; init; }

    /// <summary>Copies the store into a new file while it may be in use. Refuses to overwrite.</summary>
    public required Func<StoreLocation, string, CancellationToken, Task<BackupReport>> Backup { get; init; }

    /// <summary>Puts a backup in the store's place; with <c>true</c> also where there is a store already.</summary>
    public required Func<StoreLocation, string, bool, CancellationToken, Task<BackupReport>> Restore { get; init; }

    /// <summary>Examines the store, its settings and the libraries. Finding something is a check, not an exception.</summary>
    public required Func<StoreLocation, CancellationToken, Task<IReadOnlyList<DoctorCheck>>> Examine { get; init; }
}

/// <summary>A token right after its creation, the only time its secret is known.</summary>
internal sealed record CreatedToken(string Name, string Token, DateTimeOffset CreatedAt);

/// <summary>A token as it is kept: a name, never its secret.</summary>
internal sealed record KnownToken(string Name, DateTimeOffset CreatedAt, DateTimeOffset? LastUsedAt);

/// <summary>What a backup holds.</summary>
internal sealed record BackupReport(string File, long Bytes, long Topics, long Items);

/// <summary>One thing that <c>doctor</c> looked at, and what it found, in a sentence.</summary>
internal sealed record DoctorCheck(string Name, DoctorVerdict Verdict, string Finding);

/// <summary>How a check went.</summary>
internal enum DoctorVerdict
{
    /// <summary>As it should be.</summary>
    [JsonStringEnumMemberName("ok")]
    Ok,

    /// <summary>Works, but somebody should look.</summary>
    [JsonStringEnumMemberName("warning")]
    Warning,

    /// <summary>Broken.</summary>
    [JsonStringEnumMemberName("failed")]
    Failed,
}
