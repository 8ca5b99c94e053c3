using System.Net;
using Databus.Server.CommandLine.Client;
using Databus.Server.CommandLine.Wire;

namespace Databus.Server.CommandLine.Input;

/// <summary>
/// Sends items to a topic chunk by chunk, one request at a time so that they keep their order, and counts what became of
/// them. Each chunk is durable before the next is read.
/// </summary>
internal sealed class Upload(ServerConnection server, string topic, Patience patience, TimeProvider time)
{
    /// <summary>So many invalid lines are remembered by name; the rest is counted.</summary>
    public const int MaxErrors = 20;

    // A program that writes a line now and then into the pipe is not made to wait for a full chunk.
    private static readonly TimeSpan IdleBeforeSending = TimeSpan.FromMilliseconds(200);

    private readonly string _path = $"api/v1/topics/{topic}/items";
    private readonly List<InvalidLine> _errors = [];

    public long Added { get; private set; }

    public long Duplicates { get; private set; }

    public long Invalid { get; private set; }

    public long Handled => Added + Duplicates + Invalid;

    public IReadOnlyList<InvalidLine> Errors => _errors;

    /// <summary>Sends everything that <paramref name="input"/> still has.</summary>
    /// <param name="name">What to call the input when a line is invalid.</param>
    /// <param name="input">Read from where it stands.</param>
    /// <param name="splitterFor">The splitter, chosen with the first bytes in sight.</param>
    /// <param name="isLive">Whether reading may wait for a sender, so that half a chunk should not.</param>
    /// <param name="acknowledged">Told each place up to which everything is durable.</param>
    /// <param name="stop">Ends it after the chunk under way.</param>
    public async Task SendAsync(
        string name,
        Stream input,
        Func<ReadOnlyMemory<byte>, ItemSplitter> splitterFor,
        bool isLive,
        Action<InputPosition, ItemSplitter> acknowledged,
        CancellationToken stop)
    {
        byte[] buffer = new byte[64 * 1024];
        var chunk = new Chunk();
        ItemSplitter? splitter = null;
        while (true)
        {
            // A stopped read of a terminal or pipe cannot be called back; the wait for it can.
            Task<int> read = input.ReadAsync(buffer, stop).AsTask();
            if (isLive && !chunk.IsEmpty
                && await Task.WhenAny(read, Task.Delay(IdleBeforeSending, time, stop)) != read)
            {
                await SendAndClearAsync();
            }
            int length = await read.WaitAsync(stop);
            splitter ??= splitterFor(buffer.AsMemory(0, length));
            if (length == 0)
                break;
            for (int used = 0; used < length;)
            {
                used += splitter.Split(buffer.AsSpan(used, length - used), chunk);
                if (chunk.IsFull)
                    await SendAndClearAsync();
            }
        }
        splitter.End(chunk);
        if (!chunk.IsEmpty)
            await SendAndClearAsync();

        async Task SendAndClearAsync()
        {
            await SendAsync(name, chunk, position => acknowledged(position, splitter!), stop);
            chunk.Clear();
            stop.ThrowIfCancellationRequested();
        }
    }

    private async Task SendAsync(string name, Chunk chunk, Action<InputPosition> acknowledged, CancellationToken stop)
    {
        List<InvalidLine> errors = [.. chunk.Rejected.Select(rejected => new InvalidLine(name, rejected.Line, rejected.Error))];
        try
        {
            await SendLinesAsync(name, chunk, errors, acknowledged, stop);
            Invalid += chunk.Rejected.Count;
            acknowledged(chunk.End);
        }
        finally
        {
            _errors.AddRange(errors.OrderBy(error => error.Line).Take(MaxErrors - _errors.Count));
        }
    }

    private async Task SendLinesAsync(
        string name, Chunk chunk, List<InvalidLine> errors, Action<InputPosition> acknowledged, CancellationToken stop)
    {
        int from = 0;
        int width = chunk.Count;
        while (from < chunk.Count)
        {
            int first = from;
            int to = Math.Min(first + width, chunk.Count);
            // Not cancelled by stop: an answer thrown away would leave open what was added.
            ServerAnswer answer = await patience.SendAsync(
                () => server.PostLinesAsync(_path, chunk.Body(first, to), CancellationToken.None), stop);
            if (answer.IsSuccess)
            {
                AppendResult result = answer.Read(WireJson.Default.AppendResult);
                if (result.Added + result.Duplicates + result.Invalid != to - first)
                    throw new CommandFailure(ExitCodes.Failed, $"The server was sent {to - first} lines and accounts for others.");
                Count(result, name, chunk, first, errors);
                from = to;
            }
            else if (answer.Status == HttpStatusCode.RequestEntityTooLarge)
            {
                // The server's limit is below the chunk's: find the items that fit.
                if (to - first > 1)
                {
                    width = (to - first) / 2;
                    continue;
                }
                Invalid++;
                errors.Add(new InvalidLine(name, chunk.Line(first), answer.Failure().Message));
                from = to;
            }
            else
            {
                AppendResult? partly = answer.TryRead(WireJson.Default.AppendResult);
                int handled = Math.Clamp(partly?.Lines ?? 0, 0, to - first);
                if (partly is not null && handled > 0)
                    Count(partly, name, chunk, first, errors);
                from += handled;
                if (handled > 0 && from < chunk.Count)
                    acknowledged(chunk.EndOf(from - 1));
                if (!answer.IsBusy)
                    throw answer.Failure();
                await patience.WaitAsync(answer, stop);
                continue;
            }
            if (from < chunk.Count)
                acknowledged(chunk.EndOf(from - 1));
        }
    }

    private void Count(AppendResult result, string name, Chunk chunk, int first, List<InvalidLine> errors)
    {
        Added += result.Added;
        Duplicates += result.Duplicates;
        Invalid += result.Invalid;
        foreach (AppendError error in result.Errors ?? [])
        {
            int item = first + error.Line - 1;
            if (item >= 0 && item < chunk.Count)
                errors.Add(new InvalidLine(name, chunk.Line(item), error.Error));
        }
    }
}
