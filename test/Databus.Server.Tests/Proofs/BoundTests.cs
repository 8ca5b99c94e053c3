using Databus.Proofs.Bounds;

namespace Databus.Server.Tests.Proofs;

[Collection(OneAtATime.Name)]
public sealed class BoundTests
{
    [Fact]
    public Task What_waits_or_is_slow_or_long_or_idle_costs_bounded_memory_and_time() => Proof.RunAsync((findings, stop) =>
        new BoundProof(new(Items: 100_000, Bytes: 100_000_000, Polls: 1_000, Views: 200, IdleSeconds: 8), findings).RunAsync(stop));
}
