using Databus.Jobs;
using Microsoft.Extensions.DependencyInjection;

namespace Databus.Tests.Jobs;

public sealed class JobKindsTests
{
    [Fact]
    public async Task Two_jobs_of_one_name_keep_the_host_from_starting()
    {
        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => StartAsync(services => AddSummary(AddWork(services, "work"), "work")));
        Assert.Equal(
            $"The job name \"work\" stands for two jobs: \"work\" ({typeof(Work)}) and \"work\" ({typeof(Summary)}).", error.Message);
    }

    [Fact]
    public async Task An_old_name_that_another_job_has_keeps_the_host_from_starting()
    {
        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => StartAsync(services => AddSummary(AddWork(services, "work", "sum"), "sum")));
        Assert.Contains("\"sum\" stands for two jobs", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Two_names_for_one_type_keep_the_host_from_starting()
    {
        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => StartAsync(services => AddWork(AddWork(services, "work"), "play")));
        Assert.Contains($"The type {typeof(Work)} stands for two jobs", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a b")]
    [InlineData("")]
    public void A_name_that_is_none_is_refused(string name)
    {
        Assert.Throws<ArgumentException>(() => AddWork(new ServiceCollection(), name));
        Assert.Throws<ArgumentException>(() => AddWork(new ServiceCollection(), "work", name));
    }

    [Fact]
    public void Options_out_of_range_are_refused()
    {
        Refused(options => options.MaxAttempts = 0);
        Refused(options => options.TimeLimit = TimeSpan.Zero);
        Refused(options => options.Queue = "no queue");
        Refused(options => options.KeepFor = TimeSpan.FromSeconds(-1));

        static void Refused(Action<JobOptions<Work>> configure) => Assert.Throws<ArgumentException>(() =>
            new ServiceCollection().AddJob<Work, Done, WorkHandler>("work", WorkJson.Default.Work, WorkJson.Default.Done, configure));
    }

    [Fact]
    public void A_job_without_a_handler_is_known_but_not_handled()
    {
        using var services = AddSummary(new ServiceCollection(), "summary")
            .AddJob("work", WorkJson.Default.Work, WorkJson.Default.Done, options => options.Aliases.Add("chore")).BuildServiceProvider();
        var kinds = new JobKinds(services.GetServices<JobKind>());
        Assert.Equal(["summary"], kinds.Handled);
        Assert.Equal("work", kinds.Find("chore")!.Name);
    }

    private static IServiceCollection AddWork(IServiceCollection services, string name, params string[] aliases) =>
        services.AddJob<Work, Done, WorkHandler>(name, WorkJson.Default.Work, WorkJson.Default.Done, options =>
        {
            foreach (var alias in aliases)
                options.Aliases.Add(alias);
        });

    private static IServiceCollection AddSummary(IServiceCollection services, string name) =>
        services.AddJob<Summary, Done, SummaryHandler>(name, WorkJson.Default.Summary, WorkJson.Default.Done);

    private static async Task StartAsync(Action<IServiceCollection> configure)
    {
        await using var node = await JobNode.StartAsync(configure: configure);
    }
}
