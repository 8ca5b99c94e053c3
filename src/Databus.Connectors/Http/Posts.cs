using Databus.Destinations;

namespace Databus.Connectors.Http;

/// <summary>Posts many bodies, several at once, and says of each what became of it.</summary>
internal static class Posts
{
    /// <summary>As many connections as the client opens to one server.</summary>
    private const int AtOnce = 8;

    private static readonly SendOutcome NotBegun = new(SendResult.Unavailable, "It was not sent in time.");
    private static readonly SendOutcome BrokenOff = new(SendResult.Failed, "The server did not answer in time.");

    /// <summary>
    /// What became of each, in the order of the indexes. When one is <see cref="SendResult.Unavailable"/>, those that were not begun yet are
    /// so too, for its reason.
    /// </summary>
    /// <param name="post">Posts the one at an index.</param>
    public static async Task<IReadOnlyList<SendOutcome>> SendAsync(int count, Func<int, CancellationToken, Task<SendOutcome>> post, CancellationToken cancellationToken)
    {
        var outcomes = new SendOutcome?[count];
        var next = -1;
        var troubled = -1;
        await Task.WhenAll(Enumerable.Range(0, Math.Min(AtOnce, count)).Select(_ => PostOneByOneAsync()));
        return [.. outcomes.Select(outcome => outcome ?? (troubled < 0 ? NotBegun : outcomes[troubled]!.Value))];

        async Task PostOneByOneAsync()
        {
            while (Volatile.Read(ref troubled) < 0 && !cancellationToken.IsCancellationRequested && Interlocked.Increment(ref next) is var index && index < count)
            {
                try
                {
                    var outcome = await post(index, cancellationToken);
                    outcomes[index] = outcome;
                    if (outcome.Result == SendResult.Unavailable)
                        Volatile.Write(ref troubled, index);
                }
                catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
                {
                    // It may have arrived; what did before must not be sent again on its account.
                    outcomes[index] = BrokenOff;
                }
            }
        }
    }
}
