using Databus.Proofs.Amqp;

namespace Databus.Server.Tests.Proofs;

[Collection(OneAtATime.Name)]
public sealed class AmqpTests
{
    [Fact]
    public Task A_program_in_Python_gets_every_ad_through_kills_of_the_broker() => Proof.RunAsync((findings, stop) =>
        new AmqpProof(new(Items: 5000, Kills: 1, Random.Shared.Next()), findings).RunAsync(stop));
}
