using Databus.Proofs.Disk;

namespace Databus.Server.Tests.Proofs;

[Collection(OneAtATime.Name)]
public sealed class DiskTests
{
    [Fact]
    public Task After_a_failed_fsync_the_server_stops_rather_than_lie() => Proof.RunAsync((findings, stop) =>
        new FailingDiskProof(senders: 16, findings).RunAsync(stop));

    [Fact]
    public Task On_a_full_disk_adds_are_refused_and_the_rest_goes_on() => Proof.RunAsync((findings, stop) =>
        new FullDiskProof(findings).RunAsync(stop));
}
