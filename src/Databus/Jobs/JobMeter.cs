using System.Diagnostics;
using System.Diagnostics.Metrics;
using Databus.Telemetry;

namespace Databus.Jobs;

/// <summary>What jobs do, as instruments of the meter <c>Databus</c>. Where nobody listens they cost nothing.</summary>
internal sealed class JobMeter : IDisposable
{
    private readonly Meter _meter;
    private readonly Counter<long> _enqueued;
    private readonly Counter<long> _started;
    private readonly Counter<long> _succeeded;
    private readonly Counter<long> _failed;
    private readonly Counter<long> _retried;
    private readonly Histogram<double> _duration;
    private readonly Histogram<double> _wait;

    public JobMeter()
    {
        // The scope tells the meters apart where one process holds several of these.
        _meter = new Meter(DatabusMeter.Name, version: null, tags: null, scope: this);
        _enqueued = _meter.CreateCounter<long>("databus.jobs.enqueued", "{job}", "Jobs enqueued by this process.");
        _started = _meter.CreateCounter<long>("databus.jobs.started", "{job}", "Starts of jobs on this node.");
        _succeeded = _meter.CreateCounter<long>("databus.jobs.succeeded", "{job}", "Starts that succeeded.");
        _failed = _meter.CreateCounter<long>("databus.jobs.failed", "{job}", "Starts that failed, and were the last.");
        _retried = _meter.CreateCounter<long>("databus.jobs.retried", "{job}", "Starts that failed, and are tried again.");
        _duration = _meter.CreateHistogram<double>("databus.jobs.duration", "s", "From the start to the end of the handler.");
        _wait = _meter.CreateHistogram<double>("databus.jobs.wait", "s", "From due to the start.");
    }

    public void Enqueued(IReadOnlyList<NewJob> jobs, IReadOnlyList<EnqueueOutcome> outcomes)
    {
        if (!_enqueued.Enabled)
            return;
        for (var at = 0; at < jobs.Count; at++)
        {
            if (outcomes[at].Added)
                _enqueued.Add(1, Tags(jobs[at].Name, jobs[at].Queue));
        }
    }

    public void Started(ClaimedJob job, TimeSpan wait)
    {
        if (_started.Enabled)
            _started.Add(1, Tags(job.Name, job.Queue));
        if (_wait.Enabled)
            _wait.Record(Math.Max(0, wait.TotalSeconds), Tags(job.Name, job.Queue));
    }

    public void Ended(ClaimedJob job, JobOutcome outcome, TimeSpan duration)
    {
        var counter = outcome switch
        {
            JobOutcome.Succeeded => _succeeded,
            JobOutcome.Failed when job.Attempt < job.MaxAttempts => _retried,
            JobOutcome.Failed or JobOutcome.Hopeless => _failed,
            _ => null,
        };
        if (counter?.Enabled == true)
            counter.Add(1, Tags(job.Name, job.Queue));
        if (_duration.Enabled)
            _duration.Record(duration.TotalSeconds, Tags(job.Name, job.Queue));
    }

    public void Dispose() => _meter.Dispose();

    private static TagList Tags(string name, string queue) => new([new("databus.job.name", name), new("databus.job.queue", queue)]);
}
