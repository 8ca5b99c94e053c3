using Databus.Proofs.BadInput;

namespace Databus.Server.Tests.Proofs;

[Collection(OneAtATime.Name)]
public sealed class BadInputTests
{
    [Fact]
    public Task Bad_input_gets_a_clear_refusal_and_never_breaks_the_server() => Proof.RunAsync((findings, stop) =>
        new BadInputProof(requests: 5_000, Random.Shared.Next(), findings).RunAsync(stop));
}
