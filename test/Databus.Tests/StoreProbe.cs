using System.Collections.Concurrent;
using System.Reflection;
using System.Runtime.ExceptionServices;
using Databus.Storage;

namespace Databus.Tests;

/// <summary>
/// Stands before a real store: counts what is asked of it, tells when it was answered, and lets single requests
/// fail or keeps their answers back.
/// </summary>
public class StoreProbe : DispatchProxy
{
    private readonly ConcurrentDictionary<string, int> _asked = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, ConcurrentQueue<Exception>> _failures = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Task> _heldUntil = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Func<object?>> _answers = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, CancellationToken> _cancellations = new(StringComparer.Ordinal);
    private IStore? _store;

    /// <summary>Called with the name of the method before the store is asked.</summary>
    public Action<string>? Asking { get; set; }

    public static (IStore Store, StoreProbe Probe) Before(IStore store)
    {
        var proxy = Create<IStore, StoreProbe>();
        var probe = (StoreProbe)proxy;
        probe._store = store;
        return (proxy, probe);
    }

    /// <summary>How often this was asked.</summary>
    public int Asked(string method) => _asked.GetValueOrDefault(method);

    /// <summary>With what the last request of this kind can be cancelled.</summary>
    public CancellationToken CancellationOf(string method) => _cancellations.GetValueOrDefault(method);

    /// <summary>The next request of this kind fails, and is not passed on.</summary>
    public void FailNext(string method, Exception error) =>
        _failures.GetOrAdd(method, static _ => new ConcurrentQueue<Exception>()).Enqueue(error);

    /// <summary>Requests of this kind are answered so, and not passed on.</summary>
    public void Answer(string method, Func<object?> answer) => _answers[method] = answer;

    /// <summary>Answers of this kind are kept back until the task ends.</summary>
    public void Hold(string method, Task until) => _heldUntil[method] = until;

    public void LetGo(string method) => _heldUntil.TryRemove(method, out _);

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        var name = targetMethod!.Name;
        _asked.AddOrUpdate(name, 1, static (_, count) => count + 1);
        if (args?.LastOrDefault() is CancellationToken cancellation)
            _cancellations[name] = cancellation;
        Asking?.Invoke(name);
        if (_failures.TryGetValue(name, out var failures) && failures.TryDequeue(out var failure))
            throw failure;
        if (_answers.TryGetValue(name, out var given))
            return given();
        try
        {
            var answer = targetMethod.Invoke(_store, args);
            return answer is Task task && _heldUntil.TryGetValue(name, out var until) ? Held(task, until) : answer;
        }
        catch (TargetInvocationException error)
        {
            ExceptionDispatchInfo.Throw(error.InnerException!);
            throw;
        }
    }

    private static object Held(Task answer, Task until)
    {
        var type = answer.GetType();
        while (!type.IsGenericType || type.GetGenericTypeDefinition() != typeof(Task<>))
            type = type.BaseType!;
        return typeof(StoreProbe).GetMethod(nameof(HeldAsync), BindingFlags.NonPublic | BindingFlags.Static)!
            .MakeGenericMethod(type.GetGenericArguments()).Invoke(obj: null, [answer, until])!;
    }

    private static async Task<T> HeldAsync<T>(Task<T> answer, Task until)
    {
        var value = await answer;
        await until;
        return value;
    }
}
