using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Databus.Jobs;

/// <summary>What this process knows about jobs of one name: how they are written, enqueued and run.</summary>
internal abstract class JobKind(string name, IReadOnlyList<string> aliases, Type arguments, Type result, bool hasHandler, TimeSpan timeLimit, RetryPolicy retryPolicy)
{
    public string Name { get; } = name;

    public IReadOnlyList<string> Aliases { get; } = aliases;

    public Type Arguments { get; } = arguments;

    public Type Result { get; } = result;

    public bool HasHandler { get; } = hasHandler;

    public TimeSpan TimeLimit { get; } = timeLimit;

    public RetryPolicy RetryPolicy { get; } = retryPolicy;

    /// <summary>Null: the JSON says null.</summary>
    /// <exception cref="JsonException">The JSON does not fit.</exception>
    public abstract object? Read(ReadOnlySpan<byte> json);

    /// <summary>A result as it was kept.</summary>
    /// <exception cref="JsonException">The JSON does not fit.</exception>
    public abstract object? ReadResult(ReadOnlySpan<byte> json);

    /// <summary>The job as it is enqueued unless something else is said.</summary>
    public abstract NewJob Describe(object job, byte[]? json);

    /// <summary>Runs the handler, and gives its result as JSON.</summary>
    /// <exception cref="JobResultException">The result cannot be written.</exception>
    public abstract Task<byte[]> HandleAsync(IServiceProvider services, object job, JobContext context, CancellationToken cancellationToken);
}

internal sealed class JobKind<TJob, TResult>(
    string name, JobOptions<TJob> options, JsonTypeInfo<TJob> arguments, JsonTypeInfo<TResult> result,
    Func<IServiceProvider, IJobHandler<TJob, TResult>>? handler)
    : JobKind(name, [.. options.Aliases], typeof(TJob), typeof(TResult), handler is not null, options.TimeLimit, options.RetryPolicy)
    where TJob : notnull
{
    private readonly JsonTypeInfo<TJob> _arguments = arguments;
    private readonly JsonTypeInfo<TResult> _result = result;

    public override object? Read(ReadOnlySpan<byte> json) => JsonSerializer.Deserialize(json, _arguments);

    public override object? ReadResult(ReadOnlySpan<byte> json) => JsonSerializer.Deserialize(json, _result);

    public override NewJob Describe(object job, byte[]? json) => new(Name, json ?? JsonSerializer.SerializeToUtf8Bytes((TJob)job, _arguments))
    {
        Queue = options.Queue,
        Priority = options.Priority,
        MaxAttempts = options.MaxAttempts,
        ExpiresAfter = options.ExpiresAfter,
        UniqueKey = options.UniqueKey?.Invoke((TJob)job),
        UniqueFor = options.UniqueFor,
        Limit = options.Limit?.Invoke((TJob)job),
        KeepFor = options.KeepFor,
    };

    public override async Task<byte[]> HandleAsync(IServiceProvider services, object job, JobContext context, CancellationToken cancellationToken)
    {
        var value = await handler!(services).HandleAsync((TJob)job, context, cancellationToken);
        try
        {
            return JsonSerializer.SerializeToUtf8Bytes(value, _result);
        }
        catch (Exception error) when (error is JsonException or NotSupportedException)
        {
            throw new JobResultException($"The result cannot be written as JSON: {error.Message}", error);
        }
    }
}

/// <summary>The handler did its work, but what it gave back cannot be kept. Doing the work again would not help.</summary>
internal sealed class JobResultException(string message, Exception inner) : Exception(message, inner);
