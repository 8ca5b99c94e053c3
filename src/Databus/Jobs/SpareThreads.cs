using Microsoft.Extensions.Logging;

namespace Databus.Jobs;

/// <summary>
/// Handlers that block threads take them away from all else in the process, its heartbeat included, and the pool brings new
/// ones one at a time: the others would take this node for dead while it works. So while jobs run, a thread outside of the
/// pool asks it for an answer, and where none comes lets the pool have as many more threads as there can be handlers.
/// </summary>
internal sealed partial class SpareThreads : IDisposable
{
    private static readonly TimeSpan BetweenQuestions = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    private readonly int _handlers;
    private readonly ILogger _logger;
    private readonly ManualResetEventSlim _busy = new();
    private readonly ManualResetEventSlim _stop = new();
    private readonly Thread _thread;

    public SpareThreads(int handlers, ILogger logger)
    {
        _handlers = handlers;
        _logger = logger;
        _thread = new Thread(Watch) { IsBackground = true, Name = "Databus threads" };
    }

    public void Start() => _thread.Start();

    /// <summary>Whether jobs run. While none does, nobody is asked.</summary>
    public void Tell(bool isBusy)
    {
        if (isBusy)
            _busy.Set();
        else
            _busy.Reset();
    }

    public void Dispose()
    {
        _stop.Set();
        _busy.Set();
        if (_thread.IsAlive)
            _thread.Join();
        _stop.Dispose();
        _busy.Dispose();
    }

    private void Watch()
    {
        while (!_stop.IsSet)
        {
            _busy.Wait();
            if (!_stop.Wait(BetweenQuestions) && !IsAnswered())
                AddThreads();
        }
    }

    private static bool IsAnswered()
    {
        // Left to the collector: an answer may come after nobody waits for it.
        var answered = new ManualResetEventSlim();
        ThreadPool.UnsafeQueueUserWorkItem(static question => question.Set(), answered, preferLocal: false);
        return answered.Wait(Patience);
    }

    private void AddThreads()
    {
        ThreadPool.GetMinThreads(out var threads, out var forCompletions);
        var wanted = _handlers + Environment.ProcessorCount;
        if (threads >= wanted || !ThreadPool.SetMinThreads(wanted, forCompletions))
            return;
        LogAdded(wanted);
    }

    [LoggerMessage(EventId = 96, Level = LogLevel.Warning, Message = "Jobs block the threads of the pool; it may have {Count} from now on")]
    private partial void LogAdded(int count);
}
