using Databus.Proofs.Consumers;

namespace Databus.Server.Tests.Proofs;

[Collection(OneAtATime.Name)]
public sealed class ConsumerTests
{
    [Fact]
    public Task Leases_fence_and_poison_blocks_nobody_and_everything_is_acknowledged() => Proof.RunAsync((findings, stop) =>
        new ConsumerProof(new(Items: 2_000, Rounds: 5, Kills: 3, Random.Shared.Next()), findings).RunAsync(stop));
}
