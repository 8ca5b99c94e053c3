namespace Databus.Server.CommandLine.Client;

/// <summary>
/// Carries a long command over the server's pauses. A busy server is given the time it asks for, as often as it asks; one
/// that stops answering is tried again, with growing pauses, for <paramref name="retryFor"/>. A server that never answered
/// at all is not waited for: the address is wrong, or nobody started it.
/// </summary>
/// <param name="time">The clock.</param>
/// <param name="retryFor">How long a server may be silent before the command gives up.</param>
/// <param name="say">Told in a sentence why nothing happens.</param>
internal sealed class Patience(TimeProvider time, TimeSpan retryFor, Action<string> say)
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongestRetryAfter = TimeSpan.FromMinutes(5);

    private bool _reached;

    /// <summary>Sends until there is an answer of the server, which may be a refusal.</summary>
    /// <exception cref="ServerUnreachable">It stayed silent for too long.</exception>
    public async Task<ServerAnswer> SendAsync(Func<Task<ServerAnswer>> send, CancellationToken stop)
    {
        long? silentSince = null;
        for (TimeSpan pause = FirstPause; ; pause = Min(pause * 2, LongestPause))
        {
            try
            {
                ServerAnswer answer = await send();
                if (!answer.IsGatewayError)
                    _reached = true;
                if (!answer.IsGatewayError || !MayRetry(ref silentSince))
                    return answer;
                say($"The server cannot be reached behind its gateway ({(int)answer.Status}); trying again.");
            }
            catch (ServerUnreachable e) when (MayRetry(ref silentSince))
            {
                say($"{e.Message} Trying again.");
            }
            await Task.Delay(pause, time, stop);
        }
    }

    /// <summary>Waits as long as a busy server asks, a second when it does not say, five minutes at most.</summary>
    public Task WaitAsync(ServerAnswer busy, CancellationToken stop)
    {
        TimeSpan pause = Min(busy.RetryAfter ?? TimeSpan.FromSeconds(1), LongestRetryAfter);
        say($"The server is busy ({(int)busy.Status}); going on in {Math.Ceiling(pause.TotalSeconds):0} s.");
        return Task.Delay(pause, time, stop);
    }

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;

    private bool MayRetry(ref long? silentSince)
    {
        // From the first failure on: a long poll may have been rightly silent before.
        silentSince ??= time.GetTimestamp();
        return _reached && time.GetElapsedTime(silentSince.Value) < retryFor;
    }
}
