using Databus.Proofs.Jobs;
using Databus.Proofs.Schedules;

namespace Databus.Server.Tests.Proofs;

[Collection(OneAtATime.Name)]
public sealed class JobsTests
{
    [Fact]
    public Task Nodes_that_are_killed_frozen_and_stopped_lose_no_job_and_finish_none_twice() => Proof.RunAsync((findings, stop) =>
        new JobsProof(new(Rounds: 5, Random.Shared.Next()), findings).RunAsync(stop));

    [Fact]
    public Task Every_tick_runs_once_while_nodes_are_killed_around_it() => Proof.RunAsync((findings, stop) =>
        new TicksProof(new(Kills: 8, Random.Shared.Next()), findings).RunAsync(stop));
}
