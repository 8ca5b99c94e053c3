using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Databus.Server.CommandLine.Wire;

namespace Databus.Server.CommandLine.Client;

/// <summary>A server's whole answer.</summary>
/// <param name="Status">The status code.</param>
/// <param name="Body">The body as it came.</param>
/// <param name="RetryAfter">How long the server asks to wait, where it does.</param>
internal sealed record ServerAnswer(HttpStatusCode Status, ReadOnlyMemory<byte> Body, TimeSpan? RetryAfter)
{
    public bool IsSuccess => (int)Status is >= 200 and < 300;

    /// <summary>The server is busy and takes the same request later.</summary>
    public bool IsBusy => Status is HttpStatusCode.TooManyRequests or HttpStatusCode.ServiceUnavailable;

    /// <summary>What answers is something in front of the server.</summary>
    public bool IsGatewayError => Status is HttpStatusCode.BadGateway or HttpStatusCode.GatewayTimeout;

    /// <summary>Reads the body of a success.</summary>
    /// <exception cref="CommandFailure">The server refused, or answered something else than Databus does.</exception>
    public T Read<T>(JsonTypeInfo<T> type)
    {
        EnsureSuccess();
        return TryRead(type) ?? throw new CommandFailure(
            ExitCodes.Failed, "The answer is not one of Databus: is something else listening at this address?");
    }

    /// <summary>Reads the body whatever the status; the type's default when it is not of this kind.</summary>
    public T? TryRead<T>(JsonTypeInfo<T> type)
    {
        try
        {
            return JsonSerializer.Deserialize(Body.Span, type);
        }
        catch (JsonException)
        {
            return default;
        }
    }

    /// <summary>For answers whose body does not matter.</summary>
    /// <exception cref="CommandFailure">The server refused.</exception>
    public void EnsureSuccess()
    {
        if (!IsSuccess)
            throw Failure();
    }

    /// <summary>The refusal as the end of a command, in the server's own words.</summary>
    public CommandFailure Failure()
    {
        Problem? problem = TryRead(WireJson.Default.Problem);
        string sentence = problem?.Error ?? problem?.Detail ?? problem?.Title ?? $"The server answered {(int)Status}.";
        int exitCode = Status switch
        {
            HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden => ExitCodes.NotAllowed,
            _ when IsGatewayError => ExitCodes.Unreachable,
            _ => ExitCodes.Failed,
        };
        if (Status == HttpStatusCode.Unauthorized)
            sentence = $"{sentence.TrimEnd('.')}. Give it with --token or DATABUS_TOKEN.";
        return new CommandFailure(exitCode, sentence);
    }
}
