using Databus.Jobs;
using Databus.Nodes;
using Databus.Testing;

namespace Databus.Sqlite.Tests;

/// <summary>A machine that slept: its clock steps forward, and hardly any time has passed for whoever runs on it.</summary>
public sealed class ClockStepTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_step_of_the_clock_takes_no_job_away_and_a_silence_does()
    {
        var clock = new SteppedClock();
        await using var store = new SqliteStore(new SqliteStoreOptions { DataDirectory = _folder.Path }, clock);
        await store.OpenAsync(CancellationToken.None);
        await store.HeartbeatAsync(new NodeReport("me", "me", NodeRoles.Worker, "1.0", clock.GetUtcNow(), IsDraining: false, []), CancellationToken.None);
        await store.Jobs.EnqueueAsync([new NewJob("work", "{}"u8.ToArray())], CancellationToken.None);
        Assert.Single((await store.Jobs.ClaimAsync(new JobClaim("me", Queues: null, 1), CancellationToken.None)).Jobs);

        clock.Step += TimeSpan.FromMinutes(1);
        Assert.Equal(0, await store.Jobs.RescueAsync(CancellationToken.None));

        clock.Passed += NodeStatus.SilenceOfTheDead;
        Assert.Equal(1, await store.Jobs.RescueAsync(CancellationToken.None));
    }

    private sealed class SteppedClock : TimeProvider
    {
        private readonly DateTimeOffset _start = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

        public TimeSpan Step { get; set; }

        public TimeSpan Passed { get; set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override DateTimeOffset GetUtcNow() => _start + Step + Passed;

        public override long GetTimestamp() => Passed.Ticks;
    }
}
