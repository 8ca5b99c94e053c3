using Databus.Proofs.Outbox;

namespace Databus.Server.Tests.Proofs;

[Collection(OneAtATime.Name)]
public sealed class OutboxTests
{
    [Fact]
    public Task What_arrives_is_what_was_committed_in_the_order_of_each_key_whoever_is_killed() => Proof.RunAsync((findings, stop) =>
        new OutboxProof(new(Messages: 6000, Kills: 6, IdleSeconds: 4, Random.Shared.Next()), findings).RunAsync(stop));

    [Fact]
    public Task The_two_services_of_the_sample_know_of_each_order_and_parcel_exactly_once() => Proof.RunAsync((findings, stop) =>
        new OrdersProof(new(Orders: 400, Kills: 5, Random.Shared.Next()), findings).RunAsync(stop));

    [Fact]
    public Task Relays_writers_and_flushes_lose_nothing_beside_a_long_transaction() => Proof.RunAsync((findings, stop) =>
        new OutboxSoakProof(new(Seconds: 15, Random.Shared.Next()), findings).RunAsync(stop));
}
