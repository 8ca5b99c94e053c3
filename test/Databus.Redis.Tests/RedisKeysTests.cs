using System.Diagnostics;
using Databus.Json;
using Databus.Testing.Servers;
using Databus.Topics;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Databus.Redis.Tests;

/// <summary>Redis never costs more than it is allowed to.</summary>
public sealed class RedisKeysTests : IAsyncLifetime
{
    private const string Generation = "g";
    private const int Topic = 1;

    private static readonly DateTimeOffset Now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly KeyHash Hash = KeyHash.FromText("1");

    private RedisServer _redis = null!;

    public async ValueTask InitializeAsync() => _redis = await RedisServer.StartAsync();

    public ValueTask DisposeAsync() => _redis.DisposeAsync();

    [Fact]
    public async Task What_is_told_is_found()
    {
        using var keys = await ConnectAsync();
        var facts = Enumerable.Range(1, 1234).Select(n => new KnownKey(KeyHash.FromText($"{n}"), n, Now.AddHours(n % 24 + 1))).ToList();
        keys.Tell(Generation, Topic, facts, Now);
        await Patience.UntilAsync(async () => await _redis.CountKeysAsync() == facts.Count);
        Assert.Equal([.. facts, default], await keys.FindAsync(Generation, Topic, [.. facts.Select(fact => fact.Hash), KeyHash.FromText("x")]));
        Assert.All(await keys.FindAsync("h", Topic, [Hash]), fact => Assert.Equal(default, fact));
        Assert.All(await keys.FindAsync(Generation, Topic + 1, [Hash]), fact => Assert.Equal(default, fact));
        Assert.Empty(keys.Warnings);
    }

    [Fact]
    public async Task One_that_stands_still_costs_one_wait_and_not_one_for_everybody()
    {
        using var keys = await ConnectAsync(TimeSpan.FromMilliseconds(25));
        await Patience.UntilAsync(async () => (await keys.FindAsync(Generation, Topic, [Hash])).Count == 1);
        _redis.Freeze();
        var first = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, 2000).Select(_ => Task.Run(async () => Assert.DoesNotContain(await keys.FindAsync(Generation, Topic, [Hash]), fact => fact != default))));
        TestContext.Current.TestOutputHelper!.WriteLine($"2000 at once: {Stopwatch.GetElapsedTime(first).TotalMilliseconds:0} ms");

        // Nothing is asked any more: this is answered without waiting for anything.
        for (var i = 0; i < 1000; i++)
        {
            var next = keys.FindAsync(Generation, Topic, [Hash]);
            Assert.True(next.IsCompletedSuccessfully);
            Assert.Empty(await next);
        }

        await Patience.UntilAsync(() => keys.Warnings is [{ Code: "redis-unavailable" }]);
        _redis.Thaw();
        await Patience.UntilAsync(() => keys.Warnings is []);
        Assert.Single(await AnswerAsync(keys));
    }

    [Fact]
    public async Task Telling_one_that_stands_still_never_waits_and_holds_a_bounded_number()
    {
        using var keys = await ConnectAsync();
        _redis.Freeze();
        var facts = Enumerable.Range(1, 1000).Select(n => new KnownKey(KeyHash.FromText($"{n}"), n, Now.AddHours(1))).ToList();
        var before = GC.GetTotalMemory(forceFullCollection: true);
        for (var i = 0; i < 500; i++)
            keys.Tell(Generation, Topic, facts, Now);
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, 8 << 20);

        // The one telling under way was given up.
        await Patience.UntilAsync(() => keys.Warnings is [{ Code: "redis-unavailable" }]);
        _redis.Thaw();
        await Patience.UntilAsync(() => keys.Warnings is []);
    }

    [Fact]
    public async Task Connections_that_were_given_up_leave_nothing_behind()
    {
        using var keys = await ConnectAsync();
        var before = Threads();
        for (var round = 0; round < 3; round++)
        {
            await _redis.KillAsync();
            await Patience.UntilAsync(() => keys.Warnings.Count == 1);
            await _redis.StartAgainAsync();
            await Patience.UntilAsync(() => keys.Warnings.Count == 0);
        }

        // The client has threads of its own for each connection.
        await Patience.UntilAsync(() => Threads() <= before + 1);

        static int Threads() => Directory.GetDirectories("/proc/self/task")
            .Count(task => File.Exists(Path.Combine(task, "comm")) && NameOf(task).StartsWith("SE.Redis", StringComparison.Ordinal));
    }

    [Fact]
    public async Task One_that_is_not_there_delays_no_start_and_is_used_when_it_comes()
    {
        await _redis.KillAsync();
        using var keys = Create(_redis.Options());
        await keys.StartAsync(CancellationToken.None);
        Assert.Empty(await keys.FindAsync(Generation, Topic, [Hash]));
        await Patience.UntilAsync(() => keys.Warnings is [{ Code: "redis-unavailable" }]);
        await _redis.StartAgainAsync();
        await Patience.UntilAsync(() => keys.IsUsed);
        Assert.Empty(keys.Warnings);
        await keys.StopAsync(CancellationToken.None);
        Assert.False(keys.IsUsed);
    }

    [Fact]
    public async Task One_that_is_full_and_does_not_evict_is_asked_on_and_told_of()
    {
        using var keys = await ConnectAsync();
        keys.Tell(Generation, Topic, [new KnownKey(Hash, 1, Now.AddHours(1))], Now);
        await Patience.UntilAsync(async () => await _redis.CountKeysAsync() == 1);
        await _redis.SayAsync("CONFIG", "SET", "maxmemory", "1");
        await Patience.UntilAsync(() =>
        {
            keys.Tell(Generation, Topic, [new KnownKey(KeyHash.FromText("2"), 2, Now.AddHours(1))], Now);
            return keys.Warnings is [{ Code: "redis-refuses" }];
        });
        Assert.Equal([new KnownKey(Hash, 1, Now.AddHours(1))], await keys.FindAsync(Generation, Topic, [Hash]));
    }

    [Fact]
    public async Task A_wrong_password_is_a_warning_that_does_not_hold_it()
    {
        await _redis.SayAsync("CONFIG", "SET", "requirepass", "right");
        using var keys = Create(new RedisOptions { Configuration = $"{_redis.Address},password=wr0ng" });
        await keys.StartAsync(CancellationToken.None);
        await Patience.UntilAsync(() => keys.Warnings.Count == 1);
        Assert.Contains("refuses the password", keys.Warnings[0].Message, StringComparison.Ordinal);
        Assert.DoesNotContain("wr0ng", keys.Warnings[0].Message, StringComparison.Ordinal);
        Assert.Contains(_redis.Address, keys.Warnings[0].Message, StringComparison.Ordinal);
        await keys.StopAsync(CancellationToken.None);

        using var right = Create(new RedisOptions { Configuration = $"{_redis.Address},password=right" });
        await right.StartAsync(CancellationToken.None);
        await Patience.UntilAsync(() => right.IsUsed);
        await right.StopAsync(CancellationToken.None);
    }

    private static string NameOf(string task)
    {
        try
        {
            return File.ReadAllText(Path.Combine(task, "comm"));
        }
        catch (IOException)
        {
            return "";
        }
    }

    private static RedisKeys Create(RedisOptions options) => new(Options.Create(options), TimeProvider.System, NullLogger<RedisKeys>.Instance);

    private static async Task<IReadOnlyList<KnownKey>> AnswerAsync(RedisKeys keys)
    {
        IReadOnlyList<KnownKey> found = [];
        await Patience.UntilAsync(async () => (found = await keys.FindAsync(Generation, Topic, [Hash])).Count > 0);
        return found;
    }

    private async Task<RedisKeys> ConnectAsync(TimeSpan? patience = null)
    {
        var options = _redis.Options();
        options.ReadTimeout = patience ?? options.ReadTimeout;
        var keys = Create(options);
        await keys.StartAsync(CancellationToken.None);
        await Patience.UntilAsync(() => keys.IsUsed);
        return keys;
    }
}
