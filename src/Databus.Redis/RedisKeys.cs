using System.Threading.Channels;
using Databus.Json;
using Databus.Storage;
using Databus.Topics;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using StackExchange.Redis;

namespace Databus.Redis;

/// <summary>
/// The facts about keys that nodes share over Redis. It is asked in one round trip for all keys of an append, and told in the
/// background. What Redis loses, evicts or never heard is asked of the store.
/// </summary>
internal sealed class RedisKeys(IOptions<RedisOptions> options, TimeProvider time, ILogger<RedisKeys> logger) : BackgroundService, ISharedKeys
{
    /// <summary>Redis serves nobody else while it answers one question.</summary>
    private const int MostPerQuestion = 1000;
    private const int MostPerTelling = 500;
    private const int MostToTell = 20_000;

    /// <summary>Facts without end would pile up in a Redis that has no limit. One that is still of use is told anew.</summary>
    private static readonly TimeSpan LongestKept = TimeSpan.FromDays(30);
    private static readonly TimeSpan WritePatience = TimeSpan.FromSeconds(1);

    private readonly RedisConnection _connection = new(options.Value, time, logger);
    private readonly Channel<Told> _told = Channel.CreateBounded<Told>(
        new BoundedChannelOptions(MostToTell) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });
    private volatile string? _refusal;

    /// <summary>What the operator should know now.</summary>
    public IReadOnlyList<Warning> Warnings => _connection.Warning is { } outage ? [outage]
        : _refusal is { } refusal ? [new Warning("redis-refuses", $"Redis does not keep what it is told. {refusal} A policy such as allkeys-lru makes room.")]
        : [];

    /// <summary>True: it is connected and asked.</summary>
    internal bool IsUsed => _connection.Link is not null;

    public async ValueTask<IReadOnlyList<KnownKey>> FindAsync(string generation, int topic, IReadOnlyList<KeyHash> hashes)
    {
        if (_connection.Link is not { } link)
            return [];
        var prefix = FactText.PrefixOf(generation, topic);
        var questions = hashes.Select(hash => (RedisKey)string.Concat(prefix, hash.ToString())).Chunk(MostPerQuestion).Select(link.ReadAsync);
        var answers = Task.WhenAll(questions);
        await ((Task)answers).WaitAsync(options.Value.ReadTimeout, time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!answers.IsCompleted)
        {
            link.Break($"It did not answer within {options.Value.ReadTimeout.TotalMilliseconds:0} ms.");
            return [];
        }

        var facts = new KnownKey[hashes.Count];
        var at = 0;
        foreach (var values in await answers)
        {
            for (var i = 0; i < values?.Length; i++)
            {
                if ((string?)values[i] is { } text)
                    FactText.TryRead(hashes[at + i], text, out facts[at + i]);
            }

            at += MostPerQuestion;
        }

        return facts;
    }

    public void Tell(string generation, int topic, IReadOnlyList<KnownKey> facts, DateTimeOffset now)
    {
        if (_connection.Link is null)
            return;
        var prefix = FactText.PrefixOf(generation, topic);
        foreach (var fact in facts)
        {
            var rest = fact.TakenUntil - now;
            _told.Writer.TryWrite(new Told(prefix, fact, rest < LongestKept ? rest : LongestKept));
        }
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(_connection.KeepOpenAsync(stoppingToken), PassOnAsync(stoppingToken));

    private async Task PassOnAsync(CancellationToken stop)
    {
        var batch = new List<Told>(MostPerTelling);
        try
        {
            while (await _told.Reader.WaitToReadAsync(stop))
            {
                while (batch.Count < MostPerTelling && _told.Reader.TryRead(out var told))
                    batch.Add(told);
                if (_connection.Link is { } link)
                    await WriteAsync(link, batch);
                batch.Clear();
            }
        }
        catch (OperationCanceledException)
        {
            // The process ends; the others learn it from the store.
        }
    }

    /// <summary>Ends when the last is answered, which is when all are: no more than one batch is ever under way.</summary>
    private async Task WriteAsync(RedisLink link, List<Told> batch)
    {
        try
        {
            foreach (var told in batch[..^1])
                _ = link.Database.StringSetAsync(told.Key, told.Value, told.Rest, When.Always, CommandFlags.FireAndForget);
            await link.Database.StringSetAsync(batch[^1].Key, batch[^1].Value, batch[^1].Rest).WaitAsync(WritePatience, time);
            _refusal = null;
        }
        catch (RedisServerException refused)
        {
            // Full, most likely. What it has it still gives.
            _refusal = RedisTrouble.Of(refused);
        }
        catch (Exception error)
        {
            link.Break(RedisTrouble.Of(error));
        }
    }

    private readonly record struct Told(string Prefix, KnownKey Fact, TimeSpan Rest)
    {
        public RedisKey Key => string.Concat(Prefix, Fact.Hash.ToString());

        public RedisValue Value => FactText.Write(Fact);
    }
}
