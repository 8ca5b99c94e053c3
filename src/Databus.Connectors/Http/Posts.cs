using Databus.Destinations;

namespace Databus.Connectors.Http;

/// <summary>Posts many bodies, several at once, and says of each what became of it.</summary>
internal static class Posts
{
    /// <summary>As many connections as the client opens to one server.</summary>
    private const int AtOnce = 8;

    /// <param name="post">Posts the one at an index.</param>
    /// <returns>
    /// In the order of the indexes. When one is <see cref="SendResult.Unavailable"/>, those that were not begun yet are so too, for
    /// its reason.
    /// </returns>
    public static async Task<IReadOnlyList<SendOutcome>> SendAsync(int count, Func<int, CancellationToken, Task<SendOutcome>> post, CancellationToken cancellationToken)
    {
        var outcomes = new SendOutcome?[count];
        var next = -1;
        SendOutcome? trouble = null;
        await Task.WhenAll(Enumerable.Range(0, Math.Min(AtOnce, count)).Select(_ => WorkAsync()));
        return [.. outcomes.Select(outcome => outcome ?? trouble!.Value)];

        async Task WorkAsync()
        {
            while (trouble is null && Interlocked.Increment(ref next) is var index && index < count)
            {
                var outcome = await post(index, cancellationToken);
                outcomes[index] = outcome;
                if (outcome.Result == SendResult.Unavailable)
                    trouble = outcome;
            }
        }
    }
}
