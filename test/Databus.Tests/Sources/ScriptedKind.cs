using System.Collections.Concurrent;
using System.Text;
using System.Threading.Channels;
using Databus.Sources;

namespace Databus.Tests.Sources;

/// <summary>A kind of source whose polls end as they are told to, one after the other; the last one again and again.</summary>
internal sealed class ScriptedKind(params PollResult[] results) : ISourceKind
{
    private readonly ConcurrentQueue<PollResult> _results = new(results);
    private readonly Channel<PollRequest> _requests = Channel.CreateUnbounded<PollRequest>();
    private int _polls;

    public string Name => "scripted";

    /// <summary>How often it was read.</summary>
    public int Polls => _polls;

    /// <summary>While it is set, polls do not end before this does.</summary>
    public Task Until { get; set; } = Task.CompletedTask;

    public static PollResult Read(string? state, params int[] numbers) => new(PollOutcome.Read)
    {
        State = state,
        Items = [.. numbers.Select(number => new SourceItem($"{number}", Encoding.UTF8.GetBytes($$"""{"number":{{number}}}""")))],
    };

    public static PollResult Failed(string error) => new(PollOutcome.Failed) { Error = error };

    /// <summary>The next request that was not looked at yet.</summary>
    public ValueTask<PollRequest> NextRequestAsync() => _requests.Reader.ReadAsync(TestContext.Current.CancellationToken);

    public async Task<PollResult> PollAsync(PollRequest request, CancellationToken cancellationToken)
    {
        PollResult? result;
        while (!(_results.Count > 1 ? _results.TryDequeue(out result) : _results.TryPeek(out result)))
        {
        }

        Interlocked.Increment(ref _polls);
        _requests.Writer.TryWrite(request);
        await Until.WaitAsync(cancellationToken);
        return result;
    }
}
