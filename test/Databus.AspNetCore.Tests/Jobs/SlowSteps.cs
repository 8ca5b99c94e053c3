using System.Reflection;
using Databus.Jobs;
using Databus.Testing;

namespace Databus.AspNetCore.Tests.Jobs;

/// <summary>
/// Jobs in front of real ones of which 13 are there to delete: one with each step, and each step takes a second. Public because a
/// proxy is built on it.
/// </summary>
public class SlowSteps : DispatchProxy
{
    private const int Jobs = 13;

    private IJobStore? _jobs;
    private FakeClock? _clock;

    public static IJobStore Before(IJobStore jobs, FakeClock clock)
    {
        var proxy = Create<IJobStore, SlowSteps>();
        ((SlowSteps)(object)proxy)._jobs = jobs;
        ((SlowSteps)(object)proxy)._clock = clock;
        return proxy;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        if (targetMethod!.Name != nameof(IJobStore.DeleteAsync))
            return targetMethod.Invoke(_jobs, BindingFlags.DoNotWrapExceptions, binder: null, args, culture: null);
        _clock!.Advance(TimeSpan.FromSeconds(1));
        var id = ((long?)args![1] ?? Jobs) - 1;
        return Task.FromResult(new JobStep(1, id > 0 ? id : null));
    }
}
