using System.Text;
using Databus.Jobs;
using Databus.Nodes;
using Databus.Schedules;
using Databus.Testing;
using Databus.Tests.Jobs;
using Microsoft.Extensions.DependencyInjection;

namespace Databus.Tests.Schedules;

public sealed class ScheduleServicesTests
{
    private static readonly ScheduleRule EverySecond = ScheduleRule.OfInterval(TimeSpan.FromSeconds(1));

    [Fact(Timeout = Engine.Patience)]
    public async Task A_host_runs_what_was_declared()
    {
        await using var node = await JobNode.StartAsync(configure: services => AddWork(services, options => options.UniqueKey = work => $"{work.Number}")
            .AddSchedule(JobNode.WorkName, EverySecond, new Work(7), settings => settings with { CatchUp = CatchUp.None, Overlap = Overlap.Allow }));
        var client = node.Services.GetRequiredService<ScheduleClient>();
        Assert.True(await Deadline.WaitAsync(async () => (await client.FindAsync(JobNode.WorkName, CancellationToken.None))?.Ticks > 0, TimeSpan.FromSeconds(15), CancellationToken.None));
        var schedule = (await client.FindAsync(JobNode.WorkName, CancellationToken.None))!;
        Assert.Equal((EverySecond, CatchUp.None, Overlap.Allow), (schedule.Settings.Rule, schedule.Settings.CatchUp, schedule.Settings.Overlap));
        var job = (await node.Store.Jobs.FindAsync(schedule.LastJobId!.Value, CancellationToken.None))!;
        Assert.Equal(JobNode.WorkName, job.Name);
        Assert.Contains("7", Encoding.UTF8.GetString(job.Arguments), StringComparison.Ordinal);
        await node.StopAsync();
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task A_node_without_the_role_leaves_schedules_alone()
    {
        await using var node = await JobNode.StartAsync(
            node: options => options.Roles = NodeRoles.All & ~NodeRoles.Scheduler, configure: services => AddWork(services, configure: null).AddSchedule("each", EverySecond, new Work(7)));
        Assert.Equal(0, node.Jobs.Asked(nameof(IJobStore.ListSchedulesAsync)));
        await node.StopAsync();
        Assert.Equal(0, node.Jobs.Asked(nameof(IJobStore.PutScheduleAsync)));
    }

    [Fact]
    public void A_declaration_with_a_mistake_is_refused_where_it_stands() => Assert.Contains(
        "Field 1 (minute)",
        Assert.Throws<ArgumentException>(() => new ServiceCollection().AddSchedule(new ScheduleSettings("each", ScheduleRule.OfCron("x * * * *"), new NewJob("work", "{}"u8.ToArray())))).Message,
        StringComparison.Ordinal);

    private static IServiceCollection AddWork(IServiceCollection services, Action<JobOptions<Work>>? configure) =>
        services.AddJob<Work, Done, WorkHandler>(JobNode.WorkName, WorkJson.Default.Work, WorkJson.Default.Done, configure);
}
