using System.Collections.Concurrent;
using System.Reflection;
using System.Runtime.ExceptionServices;
using Databus.Jobs;
using Databus.Subscriptions;

namespace Databus.Tests.Jobs;

/// <summary>Stands before the jobs of a real store: counts what is asked, refuses it, or does it and loses the answer.</summary>
public class JobStoreProbe : DispatchProxy
{
    private readonly ConcurrentDictionary<string, int> _asked = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Func<object?[], Exception?>> _refusals = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Exception> _lost = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Task> _passedOnAfter = new(StringComparer.Ordinal);
    private readonly TaskCompletionSource<JobClaims> _held = new();
    private Task? _heldUntil;
    private IJobStore? _jobs;

    public static (IJobStore Jobs, JobStoreProbe Probe) Before(IJobStore jobs)
    {
        var proxy = Create<IJobStore, JobStoreProbe>();
        var probe = (JobStoreProbe)proxy;
        probe._jobs = jobs;
        return (proxy, probe);
    }

    /// <summary>What was claimed by the call whose answer is held back.</summary>
    public Task<JobClaims> Held => _held.Task;

    /// <summary>How often this was asked.</summary>
    public int Asked(string method) => _asked.GetValueOrDefault(method);

    /// <summary>From now on requests of this kind fail where the function gives an error, and are not passed on then.</summary>
    public void Refuse(string method, Func<object?[], Exception?> refusal) => _refusals[method] = refusal;

    public void Heal(string method) => _refusals.TryRemove(method, out _);

    /// <summary>The next request of this kind is done, and then fails.</summary>
    public void LoseNextAnswer(string method, Exception error) => _lost[method] = error;

    /// <summary>The next request of this kind, which is answered with tokens, is passed on only then.</summary>
    public void HoldNext(string method, Task until) => _passedOnAfter[method] = until;

    /// <summary>The answer of the next claim that gets something is held back.</summary>
    public void HoldNextClaim(Task until) => _heldUntil = until;

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        var name = targetMethod!.Name;
        _asked.AddOrUpdate(name, 1, static (_, count) => count + 1);
        if (_refusals.TryGetValue(name, out var refusal) && refusal(args!) is { } refused)
            throw refused;
        if (_passedOnAfter.TryRemove(name, out var until))
            return PassOnAsync(targetMethod, args, until);
        try
        {
            var answer = targetMethod.Invoke(_jobs, args);
            if (answer is Task<JobClaims> claims && _lost.ContainsKey(name))
                return LoseAsync(claims, name);
            return answer is Task<JobClaims> held && _heldUntil is not null ? HoldAsync(held) : answer;
        }
        catch (TargetInvocationException error)
        {
            ExceptionDispatchInfo.Throw(error.InnerException!);
            throw;
        }
    }

    private async Task<IReadOnlyList<LeaseToken>> PassOnAsync(MethodInfo method, object?[]? args, Task until)
    {
        await until;
        return await (Task<IReadOnlyList<LeaseToken>>)method.Invoke(_jobs, args)!;
    }

    private async Task<JobClaims> HoldAsync(Task<JobClaims> answer)
    {
        var claims = await answer;
        if (claims.Jobs.Count > 0 && _held.TrySetResult(claims))
            await _heldUntil!;
        return claims;
    }

    private async Task<JobClaims> LoseAsync(Task<JobClaims> answer, string name)
    {
        var claims = await answer;
        return claims.Jobs.Count > 0 && _lost.TryRemove(name, out var error) ? throw error : claims;
    }
}
