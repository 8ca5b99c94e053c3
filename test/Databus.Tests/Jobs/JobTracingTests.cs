using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Databus.Jobs;
using Microsoft.Extensions.DependencyInjection;

namespace Databus.Tests.Jobs;

/// <summary>What stands around handlers, and what is seen of them from outside.</summary>
public sealed class JobTracingTests : IAsyncLifetime
{
    private JobNode? _node;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        if (_node is not null)
            await _node.DisposeAsync();
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task Middleware_stands_around_the_handler_the_first_one_outermost()
    {
        var steps = new ConcurrentQueue<string>();
        var node = await StartAsync(services => services.AddJobMiddleware(Noting("outer")).AddJobMiddleware(Noting("inner")));
        node.Script.Do = (_, _, _) =>
        {
            steps.Enqueue("handler");
            return Task.FromResult(new Done("kept"));
        };
        var job = await node.EndAsync(await node.EnqueueAsync(new Work(1)));
        Assert.Equal(new Done("kept"), node.Client.ReadResult<Done>(job));
        Assert.Equal(["outer work", "inner work", "handler", "inner ends", "outer ends"], steps);

        JobMiddleware Noting(string who) => async (context, next) =>
        {
            steps.Enqueue($"{who} {context.Name}");
            await next();
            steps.Enqueue($"{who} ends");
        };
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task What_middleware_throws_is_a_failure_and_what_it_keeps_from_running_has_no_result()
    {
        var node = await StartAsync(
            services => services.AddJobMiddleware((context, next) =>
                context.Queue == "closed" ? throw new UnauthorizedAccessException("Closed.") : context.Queue == "skipped" ? Task.CompletedTask : next()),
            work => work.MaxAttempts = 1);
        var refused = await node.EndAsync(await node.EnqueueAsync(new Work(1), new EnqueueOptions { Queue = "closed" }));
        Assert.Equal((JobState.Failed, "System.UnauthorizedAccessException: Closed."), (refused.State, refused.Error));
        var skipped = await node.EndAsync(await node.EnqueueAsync(new Work(1), new EnqueueOptions { Queue = "skipped" }));
        Assert.Equal(JobState.Succeeded, skipped.State);
        Assert.Null(node.Client.ReadResult<Done>(skipped));
        Assert.Empty(node.Script.Started);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task The_run_belongs_to_the_trace_in_which_it_was_enqueued()
    {
        var spans = new ConcurrentQueue<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name is "Databus" or "The test",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = spans.Enqueue,
        };
        ActivitySource.AddActivityListener(listener);
        using var source = new ActivitySource("The test");
        var node = await StartAsync(work: work => work.MaxAttempts = 1);
        Activity? within = null;
        node.Script.Do = (_, _, _) =>
        {
            within = Activity.Current;
            throw new InvalidOperationException("Seen.");
        };
        long id;
        ActivityTraceId trace;
        using (var request = source.StartActivity("request"))
        {
            trace = request!.TraceId;
            id = await node.EnqueueAsync(new Work(1));
        }

        await node.EndAsync(id);
        var mine = spans.Where(span => span.TraceId == trace).ToList();
        var enqueue = Assert.Single(mine, span => span.OperationName == "enqueue work");
        var run = Assert.Single(mine, span => span.OperationName == "run work");
        Assert.Equal(enqueue.SpanId, run.ParentSpanId);
        Assert.Equal((ActivityKind.Producer, ActivityKind.Consumer), (enqueue.Kind, run.Kind));
        Assert.Equal((ActivityStatusCode.Error, "System.InvalidOperationException: Seen."), (run.Status, run.StatusDescription));
        Assert.Equal(id, run.GetTagItem("databus.job.id"));
        Assert.Same(run, within);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task What_jobs_do_is_counted()
    {
        var counted = new ConcurrentDictionary<string, double>(StringComparer.Ordinal);
        var node = await StartAsync(work: work => (work.MaxAttempts, work.RetryPolicy) = (2, (_, _) => TimeSpan.Zero));
        var meter = node.Services.GetRequiredService<JobMeter>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, self) =>
        {
            if (ReferenceEquals(instrument.Meter.Scope, meter))
                self.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => counted.AddOrUpdate(instrument.Name, value, (_, sum) => sum + value));
        listener.SetMeasurementEventCallback<double>((instrument, _, _, _) => counted.AddOrUpdate(instrument.Name, 1, (_, count) => count + 1));
        listener.Start();
        node.Script.Do = (work, _, _) => work.Number == 2 ? throw new InvalidOperationException("Two.") : Task.FromResult(new Done(""));
        foreach (var outcome in await node.Client.EnqueueManyAsync([new Work(1), new Work(2), new Work(3)]))
            await node.EndAsync(outcome.Id);
        Assert.Equal((3, 4, 2), (counted["databus.jobs.enqueued"], counted["databus.jobs.started"], counted["databus.jobs.succeeded"]));
        Assert.Equal((1, 1), (counted["databus.jobs.retried"], counted["databus.jobs.failed"]));
        Assert.Equal((4, 4), (counted["databus.jobs.duration"], counted["databus.jobs.wait"]));
    }

    private async Task<JobNode> StartAsync(Action<IServiceCollection>? configure = null, Action<JobOptions<Work>>? work = null) =>
        _node = await JobNode.StartAsync(configure: services =>
        {
            services.AddJob<Work, Done, WorkHandler>("work", WorkJson.Default.Work, WorkJson.Default.Done, work);
            configure?.Invoke(services);
        });
}
