using System.Collections.Concurrent;

namespace Databus.Testing.Processes;

/// <summary>
/// A thread that ends only with this process. The kernel sends a child's parent-death signal when the thread that
/// started it ends, and a thread of the pool may end at any time.
/// </summary>
internal static class LastingThread
{
    private static readonly BlockingCollection<Action> Work = Start();

    public static Task<T> RunAsync<T>(Func<T> work)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        Work.Add(() =>
        {
            try
            {
                done.SetResult(work());
            }
            catch (Exception error)
            {
                // Whoever waits gets it; the thread has to go on.
                done.SetException(error);
            }
        });
        return done.Task;
    }

    private static BlockingCollection<Action> Start()
    {
        var work = new BlockingCollection<Action>();
        new Thread(() =>
        {
            foreach (var action in work.GetConsumingEnumerable())
                action();
        })
        { IsBackground = true, Name = "Starts child processes" }.Start();
        return work;
    }
}
