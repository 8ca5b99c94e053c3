using Databus.Proofs.Start;

namespace Databus.Server.Tests.Proofs;

[Collection(OneAtATime.Name)]
public sealed class StartTests
{
    [Fact]
    public Task The_server_starts_in_two_seconds_and_is_small_when_idle() => Proof.RunAsync((findings, stop) =>
        new StartProof(runs: 3, findings).RunAsync(stop));
}
