using Databus.Storage;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Databus.AspNetCore.Problems;

/// <summary>Turns what is thrown or left without a body into problem details.</summary>
internal sealed partial class ProblemMiddleware(RequestDelegate next, ILogger<ProblemMiddleware> logger)
{
    public async Task InvokeAsync(HttpContext context)
    {
        try
        {
            await next(context);
            if (context.Response is { HasStarted: false, StatusCode: >= 400, ContentLength: null, ContentType: null } response)
                await Bare(response.StatusCode, context.Request).ExecuteAsync(context);
        }
        catch (Exception) when (context.RequestAborted.IsCancellationRequested)
        {
            // Nobody is there to read an answer.
        }
        catch (Exception error) when (!context.Response.HasStarted)
        {
            await For(error).ExecuteAsync(context);
        }
    }

    public static Problem For(StoreException error) => error.Problem switch
    {
        StoreProblem.Busy => new Problem(503, "busy", "Busy", "Too much is waiting to be written. Try again in a moment.")
        {
            Detail = error.Message,
            RetryAfter = 1,
        },
        StoreProblem.DiskFull => new Problem(507, "disk-full", "Disk full", error.Message) { RetryAfter = 30 },
        StoreProblem.Unavailable => new Problem(503, "unavailable", "Database unavailable", "The database does not answer. Whether this happened is not known; asking again is safe.")
        {
            RetryAfter = 2,
        },
        _ => new Problem(503, "stopped", "Stopped", error.Message) { RetryAfter = 10 },
    };

    private Problem For(Exception error)
    {
        switch (error)
        {
            case StoreException store:
                return For(store);
            case BadHttpRequestException request:
                return request.StatusCode switch
                {
                    413 => new Problem(413, "too-large", "Too large", "The body is too large.") { Field = "body" },
                    408 => new Problem(408, "too-slow", "Too slow", "The body came too slowly."),
                    var status => new Problem(status, "bad-request", "Bad request", request.Message),
                };
            case OperationCanceledException:
                return new Problem(503, "stopping", "Stopping", "Databus is shutting down.") { RetryAfter = 5 };
            default:
                LogUnexpected(error);
                return new Problem(500, "unexpected", "Unexpected error", "Something went wrong that should not have. The log says what.");
        }
    }

    private static Problem Bare(int status, HttpRequest request) => status switch
    {
        404 => new Problem(404, "not-found", "Not found", $"There is nothing at {request.Path}."),
        405 => new Problem(405, "method", "Method not allowed", $"{request.Method} is not possible at {request.Path}."),
        413 => new Problem(413, "too-large", "Too large", "The body is too large."),
        415 => Problem.MediaType(request.ContentType),
        _ => new Problem(status, "bad-request", "Bad request", "The request could not be understood."),
    };

    [LoggerMessage(EventId = 100, Level = LogLevel.Error, Message = "A request failed unexpectedly")]
    private partial void LogUnexpected(Exception error);
}
