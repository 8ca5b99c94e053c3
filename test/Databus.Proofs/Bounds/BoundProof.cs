using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Databus.Proofs.Http;
using Databus.Proofs.Processes;
using Databus.Testing;
using Databus.Testing.Processes;

namespace Databus.Proofs.Bounds;

/// <summary>How large the loads are.</summary>
/// <param name="Items">How many items wait.</param>
/// <param name="Bytes">How long the stream is that must need no more memory than a short one.</param>
/// <param name="Polls">How many long polls are idle, half of them on one subscription.</param>
/// <param name="Views">How many readers of events are idle.</param>
/// <param name="IdleSeconds">For how long the idle time is measured.</param>
internal sealed record BoundSettings(int Items, long Bytes, int Polls, int Views, int IdleSeconds);

/// <summary>P9: what waits, what is slow, what is long and what is idle costs bounded memory and time.</summary>
internal sealed class BoundProof(BoundSettings settings, Findings findings)
{
    private const long MemoryLimit = 300_000_000;
    private const double SlowestFactor = 2;
    private const long ShortStreamBytes = 2_000_000;
    private const long StreamTolerance = 32_000_000;
    private const double IdleShare = 0.05;
    private const int AddsPerRound = 1000;
    private const int Rounds = 11;
    private static readonly TimeSpan WakeLimit = TimeSpan.FromSeconds(10);

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await WithServerAsync(ProveWaitingItemsAsync, cancellationToken);
        await WithServerAsync(ProveLongStreamAsync, cancellationToken);
        await WithServerAsync(ProveIdleAsync, cancellationToken);
    }

    private static async Task WithServerAsync(
        Func<ServerProcess, BusClient, CancellationToken, Task> prove, CancellationToken cancellationToken)
    {
        using var data = new TemporaryFolder();
        await using var server = await ServerProcess.StartAsync(data.Path, LoopbackPort.Find(), cancellationToken);
        using var client = new BusClient(server.Address, TimeSpan.FromMinutes(10));
        await prove(server, client, cancellationToken);
    }

    private async Task ProveWaitingItemsAsync(ServerProcess server, BusClient client, CancellationToken cancellationToken)
    {
        const string topic = "full";
        // The first adds warm the server up; they count on neither side.
        await MeasureAddsAsync(client, "warm-up", cancellationToken);
        var empty = new List<double>();
        for (var round = 0; round < Rounds; round++)
            empty.Add(await MeasureAddsAsync(client, $"empty-{round}", cancellationToken));

        await client.PutTopicAsync(topic, cancellationToken);
        await client.PutSubscriptionAsync(topic, "stalled", leaseSeconds: 30, maxAttempts: 10, cancellationToken);
        var started = Stopwatch.GetTimestamp();
        var filled = await client.AddLinesAsync(topic, new GeneratedLines("waiting", settings.Items, lineBytes: 200), cancellationToken);
        findings.Claim(
            filled.Added == settings.Items,
            $"{filled.Added} items wait, added in {Stopwatch.GetElapsedTime(started).TotalSeconds:0.0} s");

        // A consumer that took much and died, and readers of events that do not read.
        for (var fetch = 0; fetch < 5; fetch++)
            await client.FetchAsync(topic, "stalled", max: 1000, waitSeconds: 0, leaseSeconds: 43_200, cancellationToken);
        var stalledViews = new List<Socket>();
        try
        {
            for (var view = 0; view < 5; view++)
                stalledViews.Add(await OpenWithoutReadingAsync(server.Address, $"/api/v1/topics/{topic}/events?after=0", cancellationToken));

            // What is measured is an add while items wait, not one while the operating system still writes what the fill
            // left in its buffers.
            await ExternalTool.RunAsync("sync");
            var full = new List<double>();
            var beside = new List<double>();
            for (var round = 0; round < Rounds; round++)
            {
                full.Add(await MeasureAddsAsync(client, topic, cancellationToken));
                beside.Add(await MeasureAddsAsync(client, $"beside-{round}", cancellationToken));
            }

            var status = (await client.GetSubscriptionAsync(topic, "stalled", cancellationToken)).EnsureSuccess();
            findings.Say($"the stalled subscription: lag {status.LongNumber("lag")}, in flight {status.LongNumber("inFlight")}");

            // What else the machine does only adds to a time: the best round of each is what an add costs by itself. What waiting
            // items cost, they cost in every round.
            var before = Math.Min(empty.Min(), beside.Min());
            var after = full.Min();
            findings.Claim(after < SlowestFactor * before, string.Create(
                CultureInfo.InvariantCulture,
                $"the p99 of an add is {after:0.00} ms with {settings.Items} items waiting and {before:0.00} ms on an empty topic ")
                + $"(the best of {Rounds} rounds of {AddsPerRound}; under {SlowestFactor:0} times)");
            findings.Claim(
                server.PeakResidentBytes < MemoryLimit,
                $"memory stayed under {Figures.Megabytes(MemoryLimit)}: "
                + $"{Figures.Megabytes(server.PeakResidentBytes)} at the peak, {Figures.Megabytes(server.ResidentBytes)} now");
        }
        finally
        {
            stalledViews.ForEach(view => view.Dispose());
        }
    }

    /// <summary>
    /// The p99 in milliseconds of adds one after another. Senders that press as hard as they can would measure how often
    /// the log is folded into the database, which is a matter of throughput, and not what an add costs.
    /// </summary>
    private static async Task<double> MeasureAddsAsync(BusClient client, string topic, CancellationToken cancellationToken)
    {
        var mark = Random.Shared.NextInt64();
        var times = new List<double>();
        for (var add = 0; add < AddsPerRound; add++)
        {
            var content = Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $$"""{"mark":{{mark}},"add":{{add}}}"""));
            var started = Stopwatch.GetTimestamp();
            var answer = await client.AddAsync(topic, content, idempotencyKey: null, cancellationToken);
            times.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
            if (answer.Result != AddResult.Added)
                throw new InvalidOperationException($"An add to {topic} was answered by {answer}.");
        }

        return Figures.Percentile(times, 0.99);
    }

    private static async Task<Socket> OpenWithoutReadingAsync(Uri address, string path, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 4096 };
        await socket.ConnectAsync(address.Host, address.Port, cancellationToken);
        await socket.SendAsync(Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: {address.Authority}\r\n\r\n"), cancellationToken);
        return socket;
    }

    private async Task ProveLongStreamAsync(ServerProcess server, BusClient client, CancellationToken cancellationToken)
    {
        const int lineBytes = 1000;
        // So many that the collector has settled: one short stream ends before its first collection.
        for (var stream = 0; stream < 40; stream++)
            await client.AddLinesAsync("stream", new GeneratedLines($"warm-up-{stream}", ShortStreamBytes / lineBytes, lineBytes), cancellationToken);
        server.ForgetPeak();
        await client.AddLinesAsync("stream", new GeneratedLines("short", ShortStreamBytes / lineBytes, lineBytes), cancellationToken);
        var ofShort = server.PeakResidentBytes;

        server.ForgetPeak();
        var started = Stopwatch.GetTimestamp();
        var answer = await client.AddLinesAsync("stream", new GeneratedLines("long", settings.Bytes / lineBytes, lineBytes), cancellationToken);
        var elapsed = Stopwatch.GetElapsedTime(started);
        var ofLong = server.PeakResidentBytes;
        findings.Claim(
            answer.Added == settings.Bytes / lineBytes,
            $"a stream of {Figures.Megabytes(settings.Bytes)} was taken in {elapsed.TotalSeconds:0.0} s: {answer}");
        findings.Claim(
            ofLong <= ofShort + StreamTolerance,
            $"its peak of memory is {Figures.Megabytes(ofLong)}, that of {Figures.Megabytes(ShortStreamBytes)} is "
            + $"{Figures.Megabytes(ofShort)} (at most {Figures.Megabytes(StreamTolerance)} more)");
    }

    private async Task ProveIdleAsync(ServerProcess server, BusClient client, CancellationToken cancellationToken)
    {
        string[] topics = ["many-subscriptions", "one-subscription"];
        foreach (var topic in topics)
            await client.PutTopicAsync(topic, cancellationToken);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var half = settings.Polls / 2;
        var waiters = new Waiters(client, end.Token);
        for (var poll = 0; poll < half; poll++)
        {
            waiters.Poll(topics[0], string.Create(CultureInfo.InvariantCulture, $"subscription-{poll}"));
            waiters.Poll(topics[1], "shared");
        }

        for (var view = 0; view < settings.Views; view++)
            waiters.View(topics[view % 2]);

        // All are there once each of them has been answered its head, or has been silent for a while.
        await Deadline.WaitAsync(() => waiters.OpenViews == settings.Views, TimeSpan.FromSeconds(30), cancellationToken);
        await WaitUntilIdleAsync(server, cancellationToken);
        var before = server.ProcessorTime;
        var started = Stopwatch.GetTimestamp();
        await Task.Delay(TimeSpan.FromSeconds(settings.IdleSeconds), cancellationToken);
        var share = (server.ProcessorTime - before) / Stopwatch.GetElapsedTime(started);
        findings.Claim(
            waiters.Failures == 0 && waiters.Answered == 0 && waiters.OpenViews == settings.Views,
            $"{half * 2} long polls and {waiters.OpenViews} views wait; {waiters.Answered} polls were answered, "
            + $"{waiters.Failures} failed {waiters.FirstFailure}");
        findings.Claim(share < IdleShare, string.Create(
            CultureInfo.InvariantCulture,
            $"idle they cost {share:P2} of a core over {settings.IdleSeconds} s (under {IdleShare:P0})")
            + $", memory {Figures.Megabytes(server.ResidentBytes)}");

        await client.AddAsync(topics[1], "{\"wake\":1}"u8.ToArray(), idempotencyKey: null, cancellationToken);
        await Deadline.WaitAsync(
            () => waiters.AnsweredIn(topics[1]) >= 1 && waiters.SeenIn(topics[1]) >= settings.Views / 2, WakeLimit, cancellationToken);
        await WaitUntilIdleAsync(server, cancellationToken);
        findings.Claim(
            waiters.AnsweredIn(topics[1]) == 1 && waiters.Answered == 1,
            $"one item wakes {waiters.AnsweredIn(topics[1])} of the {half} polls of one subscription, and {waiters.AnsweredIn(topics[0])} of another topic");
        findings.Claim(
            waiters.SeenIn(topics[1]) == settings.Views / 2 && waiters.SeenIn(topics[0]) == 0,
            $"{waiters.SeenIn(topics[1])} views of its topic show it, and {waiters.SeenIn(topics[0])} of another");

        await client.AddAsync(topics[0], "{\"wake\":2}"u8.ToArray(), idempotencyKey: null, cancellationToken);
        await Deadline.WaitAsync(() => waiters.AnsweredIn(topics[0]) == half, WakeLimit, cancellationToken);
        findings.Claim(
            waiters.AnsweredIn(topics[0]) == half && waiters.AnsweredIn(topics[1]) == 1,
            $"one item reaches each of the {waiters.AnsweredIn(topics[0])} subscriptions of its topic");
        await end.CancelAsync();
        await waiters.EndAsync();
    }

    /// <summary>
    /// Until two seconds cost the server next to nothing. Half a second is no sign: about a second after much has been done, the
    /// runtime compiles anew what it was done with.
    /// </summary>
    private static async Task WaitUntilIdleAsync(ServerProcess server, CancellationToken cancellationToken)
    {
        var deadline = Deadline.In(TimeSpan.FromSeconds(20));
        var before = server.ProcessorTime;
        for (var quiet = 0; quiet < 4 && !deadline.IsOver;)
        {
            await Task.Delay(500, cancellationToken);
            var now = server.ProcessorTime;
            quiet = now - before <= TimeSpan.FromMilliseconds(30) ? quiet + 1 : 0;
            before = now;
        }
    }
}
