using System.Reflection;
using System.Runtime.ExceptionServices;
using Databus.Storage;

namespace Databus.RabbitMq.Tests;

/// <summary>Stands before a real store. While told to, it refuses to append, or keeps back the answer that it did.</summary>
public class FailingStore : DispatchProxy
{
    private IStore? _store;
    private int _asked;

    /// <summary>Set: an append fails with it, and nothing is appended.</summary>
    public StoreException? Failure { get; set; }

    /// <summary>While it has not ended, appends are on disk and nobody is told.</summary>
    public Task Answers { get; set; } = Task.CompletedTask;

    /// <summary>How many appends were asked for.</summary>
    public int Asked => Volatile.Read(ref _asked);

    public static FailingStore Before(IStore store)
    {
        var failing = (FailingStore)(object)Create<IStore, FailingStore>();
        failing._store = store;
        return failing;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        var isAppend = targetMethod!.Name == nameof(IStore.AppendAsync);
        if (isAppend)
        {
            Interlocked.Increment(ref _asked);
            if (Failure is { } failure)
                throw failure;
        }

        try
        {
            var answer = targetMethod.Invoke(_store, args);
            return isAppend ? HeldAsync((Task<Topics.AppendResult?>)answer!) : answer;
        }
        catch (TargetInvocationException error)
        {
            ExceptionDispatchInfo.Throw(error.InnerException!);
            throw;
        }
    }

    private async Task<Topics.AppendResult?> HeldAsync(Task<Topics.AppendResult?> answer)
    {
        // Null: there is no such topic yet, and nothing was appended.
        var result = await answer;
        if (result is not null)
            await Answers;
        return result;
    }
}
