using Databus.Proofs.Readers;

namespace Databus.Server.Tests.Proofs;

[Collection(OneAtATime.Name)]
public sealed class ReaderTests
{
    [Fact]
    public Task Readers_see_every_id_once_and_in_order_through_restarts_and_reconnects() => Proof.RunAsync((findings, stop) =>
        new ReaderProof(new(Restarts: 3, Adds: 6_000, Senders: 16, Random.Shared.Next()), findings).RunAsync(stop));
}
