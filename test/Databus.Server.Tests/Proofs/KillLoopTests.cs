using Databus.Proofs.Kills;

namespace Databus.Server.Tests.Proofs;

[Collection(OneAtATime.Name)]
public sealed class KillLoopTests
{
    [Fact]
    public Task Kills_under_load_lose_nothing_and_double_nothing() => Proof.RunAsync((findings, stop) =>
        new KillLoop(new(Kills: 8, Adds: 15_000, Senders: 32, Random.Shared.Next()), findings).RunAsync(stop));
}
