using Databus.AspNetCore.Problems;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Databus.AspNetCore;

/// <summary>The requests that wait for something to happen. There is a limit to how many do at once (P9), and none of them outlives the server.</summary>
internal sealed class WaitingRequests(IHostApplicationLifetime lifetime, IOptions<DatabusHttpOptions> options)
{
    private int _count;

    /// <summary>Answers with what the wait comes to.</summary>
    /// <param name="wait">Cancelled when the client leaves or Databus stops.</param>
    /// <param name="stopped">The answer to one who waited when Databus stops.</param>
    public async Task<IResult> RunAsync(HttpContext context, Func<CancellationToken, Task<IResult>> wait, Func<Task<IResult>> stopped)
    {
        if (Interlocked.Increment(ref _count) > options.Value.MaxWaitingRequests)
        {
            Interlocked.Decrement(ref _count);
            return Problem.TooMany("waiting requests", options.Value.MaxWaitingRequests);
        }

        try
        {
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, lifetime.ApplicationStopping);
            return await wait(stop.Token);
        }
        catch (OperationCanceledException) when (lifetime.ApplicationStopping.IsCancellationRequested)
        {
            // Whoever waited asks again after the restart.
            return await stopped();
        }
        finally
        {
            Interlocked.Decrement(ref _count);
        }
    }
}
