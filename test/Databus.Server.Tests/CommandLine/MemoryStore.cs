using Databus.Server.CommandLine;

namespace Databus.Server.Tests.CommandLine;

/// <summary>What the commands on a store's folder did, without a store.</summary>
internal sealed class MemoryStore
{
    private readonly Dictionary<string, KnownToken> _tokens = new(StringComparer.Ordinal);

    public List<DoctorCheck> Checks { get; } = [];

    public List<string> Calls { get; } = [];

    public StoreCommands Commands => new()
    {
        CreateToken = (_, name, _) => Task.FromResult(
            _tokens.TryAdd(name, new KnownToken(name, DateTimeOffset.UnixEpoch, null))
                ? new CreatedToken(name, $"dbt_{name}", DateTimeOffset.UnixEpoch)
                : null),
        ListTokens = (_, _) => Task.FromResult<IReadOnlyList<KnownToken>>([.. _tokens.Values]),
        DeleteToken = (_, name, _) => Task.FromResult(_tokens.Remove(name)),
        Backup = (location, file, _) =>
        {
            Calls.Add($"backup {location.DataDirectory} {file}");
            return Task.FromResult(new BackupReport(file, 4096, 2, 30));
        },
        Restore = (location, file, force, _) =>
        {
            Calls.Add($"restore {location.DataDirectory} {file} {force}");
            return force
                ? Task.FromResult(new BackupReport(file, 4096, 2, 30))
                : throw new CommandFailure(ExitCodes.Failed, "There is data already; --force replaces it.");
        },
        Examine = (_, _) => Task.FromResult<IReadOnlyList<DoctorCheck>>(Checks),
    };
}
