using Databus.Proofs.Nodes;

namespace Databus.Server.Tests.Proofs;

[Collection(OneAtATime.Name)]
public sealed class NodesTests
{
    [Fact]
    public Task Faults_of_every_kind_on_three_nodes_lose_nothing_and_double_nothing() => Proof.RunAsync((findings, stop) =>
        new NodesProof(new(Rounds: 7, CutSeconds: 4, LongCutSeconds: 10, Random.Shared.Next()), findings).RunAsync(stop));
}
