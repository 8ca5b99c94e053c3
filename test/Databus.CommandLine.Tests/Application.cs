using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Serialization;
using Databus.Outbox;
using Databus.Sqlite.Outbox;
using Databus.Testing;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Databus.CommandLine.Tests;

/// <summary>An application with an outbox on a SQLite file, whose host was never started.</summary>
internal sealed class Application : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly ServiceProvider _services;

    public Application()
    {
        var services = new ServiceCollection();
        services.AddSingleton(typeof(ILogger<>), typeof(NullLogger<>));
        services.AddSingleton(this);
        services.AddOutbox().AddSqliteOutbox(ConnectionString);
        services.AddOutboxMessage<Letter, LetterSender>("letter", PostJson.Default.Letter, options => options.MaxAttempts = 1);
        services.AddOutboxMessage<Telegram, TelegramSender>("telegram", PostJson.Default.Telegram, options => options.Aliases.Add("wire"));
        services.AddOutboxMessage("pigeon", PostJson.Default.Pigeon);
        _services = services.BuildServiceProvider();
    }

    /// <summary>What was sent, in order.</summary>
    public ConcurrentQueue<string> Sent { get; } = new();

    private string ConnectionString => $"Data Source={_folder.File("app.db")}";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async Task RecordAsync<T>(params IEnumerable<T> messages)
        where T : notnull
    {
        var outbox = _services.GetRequiredService<OutboxClient>();
        await outbox.PendingAsync(Cancellation);
        await using var connection = new SqliteConnection(ConnectionString);
        await connection.OpenAsync(Cancellation);
        await outbox.RecordManyAsync(connection, messages, Cancellation);
    }

    /// <summary>Runs a command: the exit code, what it printed, and what it complained of.</summary>
    public async Task<(int Code, string Output, string Error)> RunAsync(string line, CancellationToken? stop = null, StringWriter? output = null)
    {
        output ??= new StringWriter();
        var error = new StringWriter();
        var code = await OutboxCommand.RunAsync(_services, [OutboxCommand.Name, .. line.Split(' ', StringSplitOptions.RemoveEmptyEntries)], output, error, stop ?? Cancellation);
        return (code, output.ToString(), error.ToString());
    }

    public async ValueTask DisposeAsync()
    {
        await _services.DisposeAsync();
        SqliteConnection.ClearAllPools();
        _folder.Dispose();
    }
}

internal sealed record Letter(string Text);

internal sealed record Telegram(string Text);

internal sealed record Pigeon(string Text);

internal sealed class LetterSender(Application application) : IOutboxSender<Letter>
{
    public Task SendAsync(OutboxMessage<Letter> message, CancellationToken cancellationToken)
    {
        if (message.Content.Text.StartsWith("bad", StringComparison.Ordinal) && application.Sent.All(text => text != "mended"))
            throw new NotSupportedException($"No stamp\n on {message.Content.Text}.");
        application.Sent.Enqueue(message.Content.Text);
        return Task.CompletedTask;
    }
}

internal sealed class TelegramSender(Application application) : IOutboxSender<Telegram>
{
    public Task SendAsync(OutboxMessage<Telegram> message, CancellationToken cancellationToken)
    {
        application.Sent.Enqueue(message.Content.Text);
        return Task.CompletedTask;
    }
}

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(Letter))]
[JsonSerializable(typeof(Telegram))]
[JsonSerializable(typeof(Pigeon))]
internal sealed partial class PostJson : JsonSerializerContext;
