using System.Reflection;
using Databus.Jobs;

namespace Databus.AspNetCore.Tests.Jobs;

/// <summary>Jobs in front of real ones that tells when a verb is under way. Public because a proxy is built on it.</summary>
public class JobStoreProbe : DispatchProxy
{
    private IJobStore? _jobs;
    private Action<string> _called = _ => { };

    public static IJobStore Before(IJobStore jobs, Action<string> called)
    {
        var proxy = Create<IJobStore, JobStoreProbe>();
        ((JobStoreProbe)(object)proxy)._jobs = jobs;
        ((JobStoreProbe)(object)proxy)._called = called;
        return proxy;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        var underWay = targetMethod!.Invoke(_jobs, BindingFlags.DoNotWrapExceptions, binder: null, args, culture: null);
        _called(targetMethod.Name);
        return underWay;
    }
}
