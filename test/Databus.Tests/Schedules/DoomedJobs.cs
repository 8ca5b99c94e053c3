using System.Collections.Concurrent;
using System.Reflection;
using System.Runtime.ExceptionServices;
using Databus.Jobs;
using Databus.Schedules;
using Databus.Storage;

namespace Databus.Tests.Schedules;

/// <summary>
/// The way of one node to the store's schedules, until it is cut, as by the node's death: what is under way is done and its
/// answer lost, what comes later is not done. What was done is written down on the store's side of the cut.
/// </summary>
public class DoomedJobs : DispatchProxy
{
    private IJobStore? _jobs;
    private ConcurrentQueue<(ScheduleTick Tick, TickOutcome Outcome)>? _ledger;
    private volatile bool _isCut;

    public static (IJobStore Jobs, DoomedJobs Way) To(IJobStore jobs, ConcurrentQueue<(ScheduleTick Tick, TickOutcome Outcome)> ledger)
    {
        var proxy = Create<IJobStore, DoomedJobs>();
        var way = (DoomedJobs)proxy;
        (way._jobs, way._ledger) = (jobs, ledger);
        return (proxy, way);
    }

    public void Cut() => _isCut = true;

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        if (_isCut)
            throw Dead();
        if (targetMethod!.Name == nameof(IJobStore.TickAsync))
            return TickAsync((ScheduleTick)args![0]!);
        try
        {
            return targetMethod.Invoke(_jobs, args);
        }
        catch (TargetInvocationException error)
        {
            ExceptionDispatchInfo.Throw(error.InnerException!);
            throw;
        }
    }

    private static StoreException Dead() => new(StoreProblem.Unavailable, "This node is dead.");

    private async Task<TickOutcome?> TickAsync(ScheduleTick tick)
    {
        var outcome = await _jobs!.TickAsync(tick, CancellationToken.None);
        if (outcome is not null)
            _ledger!.Enqueue((tick, outcome));
        return _isCut ? throw Dead() : outcome;
    }
}
