using System.Data.Common;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Databus.Storage;

namespace Databus.Outbox;

/// <summary>Reads the contents of claimed messages. One that cannot be read costs no other.</summary>
internal static class OutboxLoading
{
    /// <summary>SQLSTATE class 22: the database works, and what it was given is wrong.</summary>
    private const string DataExceptionClass = "22";

    /// <summary>Reads contents that are in the outbox table itself. Never fails.</summary>
    public static IReadOnlyList<LoadedContent<T>> Read<T>(OutboxBatch batch, JsonTypeInfo<T> json)
        where T : notnull
    {
        var loaded = new LoadedContent<T>[batch.Messages.Count];
        for (var place = 0; place < loaded.Length; place++)
        {
            try
            {
                loaded[place] = new(JsonSerializer.Deserialize(batch.Messages[place].Content, json));
            }
            catch (Exception error)
            {
                // Constructors, accessors and converters are the application's, and throw what they like.
                loaded[place] = new(default, error);
            }
        }

        return loaded;
    }

    /// <summary>Reads contents that have a table of their own: together, and when that fails because of one of them, each by itself.</summary>
    /// <exception cref="Exception">They are not to be had, whichever it is.</exception>
    public static async Task<IReadOnlyList<LoadedContent<T>>> ReadAsync<T>(
        OutboxBatch batch, IOutboxContents<T> contents, CancellationToken cancellationToken)
        where T : notnull
    {
        try
        {
            return [.. (await LoadAsync(contents, batch.Messages, cancellationToken)).Select(content => new LoadedContent<T>(content))];
        }
        catch (Exception error) when (IsOfAContent(error))
        {
            var loaded = new List<LoadedContent<T>>(batch.Messages.Count);
            foreach (var message in batch.Messages)
            {
                try
                {
                    loaded.Add(new((await LoadAsync(contents, [message], cancellationToken))[0]));
                }
                catch (Exception own) when (IsOfAContent(own))
                {
                    loaded.Add(new(default, own));
                }
            }

            return loaded;
        }
    }

    private static async Task<IReadOnlyList<T?>> LoadAsync<T>(
        IOutboxContents<T> contents, IReadOnlyList<ClaimedOutboxMessage> messages, CancellationToken cancellationToken)
        where T : notnull
    {
        var loaded = await contents.LoadAsync([.. messages.Select(message => (ReadOnlyMemory<byte>)message.Content)], cancellationToken);
        return loaded.Count == messages.Count
            ? loaded
            : throw new InvalidOperationException($"{loaded.Count} contents came back for {messages.Count} references.");
    }

    /// <summary>False: the database, or the way to it, is to blame, and would be for any other content.</summary>
    private static bool IsOfAContent(Exception error)
    {
        for (var cause = error; cause is not null; cause = cause.InnerException)
        {
            if (cause is DbException database)
                return database.SqlState?.StartsWith(DataExceptionClass, StringComparison.Ordinal) == true;
            if (cause is OperationCanceledException or TimeoutException or IOException or ObjectDisposedException or StoreException)
                return false;
        }

        return true;
    }
}

/// <summary>The content of a claimed message; null without an error: there is none.</summary>
/// <param name="Error">Why it cannot be read.</param>
internal readonly record struct LoadedContent<T>(T? Content, Exception? Error = null)
    where T : notnull;
