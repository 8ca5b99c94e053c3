using System.Reflection;
using Databus.Jobs;
using Databus.Storage;

namespace Databus.AspNetCore.Tests;

/// <summary>A store in front of a real one that fails when it is told to. Public because a proxy is built on it.</summary>
public class StoreFaults : DispatchProxy
{
    private IStore? _store;
    private IJobStore? _jobs;
    private Func<string, Exception?> _fault = _ => null;

    /// <summary>Puts it in front of a store.</summary>
    /// <param name="fault">What a verb throws; null: it goes through.</param>
    /// <param name="jobs">Puts something in front of the jobs; null: nothing.</param>
    public static IStore Before(IStore store, Func<string, Exception?> fault, Func<IJobStore, IJobStore>? jobs = null)
    {
        var proxy = Create<IStore, StoreFaults>();
        ((StoreFaults)(object)proxy)._store = store;
        ((StoreFaults)(object)proxy)._jobs = jobs?.Invoke(store.Jobs);
        ((StoreFaults)(object)proxy)._fault = fault;
        return proxy;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        if (_fault(targetMethod!.Name) is { } fault)
            throw fault;
        return _jobs is not null && targetMethod.Name == "get_Jobs"
            ? _jobs
            : targetMethod.Invoke(_store, BindingFlags.DoNotWrapExceptions, binder: null, args, culture: null);
    }
}
