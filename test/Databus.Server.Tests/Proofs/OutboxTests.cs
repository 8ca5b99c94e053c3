using Databus.Proofs.Outbox;

namespace Databus.Server.Tests.Proofs;

[Collection(OneAtATime.Name)]
public sealed class OutboxTests
{
    [Fact]
    public Task Relays_writers_and_flushes_lose_nothing_beside_a_long_transaction() => Proof.RunAsync((findings, stop) =>
        new OutboxSoakProof(new(Seconds: 15, Random.Shared.Next()), findings).RunAsync(stop));
}
