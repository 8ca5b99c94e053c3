using Databus.Outbox;
using Databus.Sqlite.Outbox;
using Databus.Testing;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection;

namespace Databus.Tests.Outbox;

/// <summary>When the relay looks, with a clock that stands still.</summary>
public sealed class OutboxRelayTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>No other timer is set to this.</summary>
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromSeconds(7);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task While_there_is_no_room_it_waits_and_goes_on_when_there_is()
    {
        var clock = new FakeClock();
        using var folder = new TemporaryFolder();
        var database = $"Data Source={folder.File("service.db")};Pooling=False";
        var sender = new PatientSender();
        await using var services = new ServiceCollection()
            .AddLogging()
            .AddSingleton<TimeProvider>(clock)
            .AddOutbox(options => (options.BatchesAtOnce, options.BetweenFullLooks) = (1, BetweenLooks))
            .AddSqliteOutbox(database)
            .AddOutboxMessage("letter", LetterJson.Default.Letter, IOutboxSender<Letter> (_) => sender)
            .BuildServiceProvider();
        await services.GetRequiredService<IOutboxStore>().OpenAsync(migrate: true, Cancellation);
        await using var connection = new SqliteConnection(database);
        await connection.OpenAsync(Cancellation);
        var outbox = services.GetRequiredService<OutboxClient>();
        await outbox.RecordAsync(connection, new Letter("1"), cancellationToken: Cancellation);
        var relay = services.GetRequiredService<OutboxRelay>();
        relay.Start();
        await sender.Letters.WaitAsync(Patience, Cancellation);
        await outbox.RecordAsync(connection, new Letter("2"), cancellationToken: Cancellation);

        // The next full look is due and there is nothing to look for: then it is the one after that.
        try
        {
            for (var times = 0; times < 3; times++)
            {
                await clock.WhenTimerInAsync(BetweenLooks).WaitAsync(Patience, Cancellation);
                clock.Advance(BetweenLooks);
            }
        }
        finally
        {
            // Also when it fails: the relay waits for what is under way, by a clock that stands still.
            sender.GoOn.SetResult();
        }

        await sender.Letters.WaitAsync(Patience, Cancellation);
    }

    private sealed class PatientSender : IOutboxSender<Letter>
    {
        public TaskCompletionSource GoOn { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>Released by each that came.</summary>
        public SemaphoreSlim Letters { get; } = new(0);

        public Task SendAsync(OutboxMessage<Letter> message, CancellationToken cancellationToken)
        {
            Letters.Release();
            return GoOn.Task;
        }
    }
}
