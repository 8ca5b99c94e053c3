using System.Data.Common;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Databus.Outbox;

/// <summary>What this process knows about messages of one type: how they are recorded and sent.</summary>
internal abstract class OutboxType(string name, IReadOnlyList<string> aliases, Type content)
{
    public string Name { get; } = name;

    /// <summary>The name and those it had before.</summary>
    public IReadOnlyList<string> Names { get; } = [name, .. aliases];

    public Type Content { get; } = content;

    public abstract bool HasSender { get; }

    /// <summary>The content is kept in a table of its own.</summary>
    public abstract bool HasContents { get; }

    public abstract int BatchSize { get; }

    public abstract bool AutoFlush { get; }

    public abstract int MaxAttempts { get; }

    public abstract OutboxBackOff BackOff { get; }

    public abstract OutboxParking Parks { get; }

    public abstract TimeSpan KeepSentFor { get; }

    public abstract string Destination { get; }

    /// <summary>The message as it is recorded.</summary>
    /// <param name="message">Of the type <see cref="Content"/>.</param>
    /// <param name="reference">JSON in UTF-8 that names the content in its own table; null: the content itself.</param>
    /// <exception cref="ArgumentException">Its order key is too long.</exception>
    public abstract NewOutboxMessage Describe(object message, Guid id, byte[]? reference = null);

    /// <summary>Sends a claimed batch, within a scope of its own.</summary>
    /// <param name="inOrder">One after the other, up to the first that is not sent.</param>
    /// <param name="mayGoOn">Asked with the answers to what was just sent: whether the rest may follow.</param>
    /// <returns>Of each message what became of it; null: it was not sent.</returns>
    public abstract Task<IReadOnlyList<OutboxAnswer?>> SendAsync(
        IServiceProvider services, OutboxBatch batch, bool inOrder, Func<IReadOnlyList<OutboxAnswer>, bool> mayGoOn, TimeProvider time,
        CancellationToken cancellationToken);

    /// <summary>Removes contents that have a table of their own.</summary>
    public abstract Task DeleteContentsAsync(
        IServiceProvider services, DbTransaction transaction, IReadOnlyList<ReadOnlyMemory<byte>> references, CancellationToken cancellationToken);

    /// <summary>Sees to it that a content fits which is in the outbox table itself.</summary>
    /// <exception cref="JsonException">It does not.</exception>
    public abstract void Check(ReadOnlySpan<byte> utf8);
}

internal sealed class OutboxType<T>(string name, JsonTypeInfo<T> json, OutboxMessageOptions<T> options, OutboxSenderOf<T>? sender)
    : OutboxType(name, [.. options.Aliases], typeof(T))
    where T : notnull
{
    public const int LongestOrderKey = 200;

    public override bool HasSender => sender is not null;

    public override bool HasContents => options.Contents is not null;

    public override int BatchSize => options.BatchSize;

    public override bool AutoFlush => options.AutoFlush;

    public override int MaxAttempts => options.MaxAttempts;

    public override OutboxBackOff BackOff => options.BackOff;

    public override OutboxParking Parks => options.Parks;

    public override TimeSpan KeepSentFor => options.KeepSentFor;

    public override string Destination => options.Destination ?? Name;

    public override NewOutboxMessage Describe(object message, Guid id, byte[]? reference = null)
    {
        var key = options.OrderKey?.Invoke((T)message);
        if (key?.Length > LongestOrderKey)
            throw new ArgumentException($"The order key of a message \"{Name}\" has more than {LongestOrderKey} characters.", nameof(message));
        return new(id, Name, key, reference ?? JsonSerializer.SerializeToUtf8Bytes((T)message, json), OutboxTracing.TraceParent);
    }

    public override async Task<IReadOnlyList<OutboxAnswer?>> SendAsync(
        IServiceProvider services, OutboxBatch batch, bool inOrder, Func<IReadOnlyList<OutboxAnswer>, bool> mayGoOn, TimeProvider time,
        CancellationToken cancellationToken)
    {
        var send = sender!.Make(services, new OutboxSending(options.SendTimeLimit, time));
        var run = new OutboxRun<T>(batch, json, send, sender.GoesInBatches);
        await run.LoadAsync(options.Contents?.Invoke(services), cancellationToken);
        if (inOrder)
            await run.SendInOrderAsync(mayGoOn, cancellationToken);
        else
            await run.SendAsync(mayGoOn, cancellationToken);
        return run.Answers;
    }

    public override Task DeleteContentsAsync(
        IServiceProvider services, DbTransaction transaction, IReadOnlyList<ReadOnlyMemory<byte>> references, CancellationToken cancellationToken) =>
        options.Contents?.Invoke(services).DeleteAsync(transaction, references, cancellationToken) ?? Task.CompletedTask;

    public override void Check(ReadOnlySpan<byte> utf8)
    {
        T? content;
        try
        {
            content = JsonSerializer.Deserialize(utf8, json);
        }
        catch (Exception error) when (error is not JsonException)
        {
            throw new JsonException(error.Message, error);
        }

        if (content is null)
            throw new JsonException("The content is null.", "$", lineNumber: null, bytePositionInLine: null);
    }
}
