using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Databus.Proofs.Http;
using Databus.Proofs.Processes;
using Databus.Testing;
using Databus.Testing.Processes;
using FsCheck;
using FsCheck.Fluent;

namespace Databus.Proofs.BadInput;

/// <summary>Whatever comes in is answered by what the sender did wrong, and never breaks the server.</summary>
internal sealed class BadInputProof(int requests, int seed, Findings findings)
{
    private const int Connections = 16;
    private const int Batch = 500;
    private const int BrokenShare = 50;
    private const int SampleSize = 20;
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan WaitLimit = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan BrokenLimit = TimeSpan.FromMilliseconds(200);

    private readonly ConcurrentDictionary<int, int> _statuses = new();
    private readonly ConcurrentDictionary<int, int> _brokenStatuses = new();

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var data = new TemporaryFolder();
        await using var server = await ServerProcess.StartAsync(data.Path, LoopbackPort.Find(), cancellationToken);
        await SendFilesAsync(server.Address, cancellationToken);
        await SendGeneratedAsync(server.Address, cancellationToken);
        await SendBrokenAsync(server.Address, cancellationToken);

        findings.Say($"answers to files and generated requests: {Summary(_statuses)}");
        findings.Say($"answers to broken bytes: {Summary(_brokenStatuses)}");
        findings.Claim(
            _statuses.Keys.All(status => status is < 500 or 503) && _brokenStatuses.Keys.All(status => status is < 500 or 503 or 505),
            "nothing was answered by an error of the server");
        using var client = new BusClient(server.Address, TimeSpan.FromSeconds(30));
        var add = await client.AddAsync("afterwards", "{\"still\":\"here\"}"u8.ToArray(), idempotencyKey: null, cancellationToken);
        findings.Claim(
            !server.HasExited && await client.IsReadyAsync(cancellationToken) && add.Result == AddResult.Added,
            "the same process is ready and takes adds");
        findings.Claim(server.FirstFailure is null, $"its log speaks of no failure {server.FirstFailure}");
    }

    private async Task SendFilesAsync(Uri address, CancellationToken cancellationToken)
    {
        using var connection = new RawConnection(address);
        var sent = 0;
        string[] targets = ["/add", "/add?topic=files", "/api/v1/topics/files/items"];
        string[] types = ["application/json", "application/x-ndjson", "application/cloudevents+json", "application/cloudevents-batch+json"];
        foreach (var file in Requests.ParsingFiles)
        {
            var body = await File.ReadAllBytesAsync(file, cancellationToken);
            foreach (var request in from target in targets
                                    from type in types
                                    select new RawRequest("POST", target, [("Content-Type", type)], body))
            {
                Judge(request, await SendAsync(connection, request, cancellationToken));
                sent++;
            }
        }

        findings.Claim(sent > 0 && findings.Hold, $"{Requests.ParsingFiles.Count} files were sent {sent} times and got 200, 201, 409 or a clear refusal");
    }

    private Task SendGeneratedAsync(Uri address, CancellationToken cancellationToken) => InBatchesAsync(
        requests,
        Requests.Generated,
        async (connection, request) => Judge(request, await SendAsync(connection, request, cancellationToken)),
        address,
        cancellationToken);

    private Task SendBrokenAsync(Uri address, CancellationToken cancellationToken) => InBatchesAsync(
        Math.Max(200, requests / BrokenShare),
        Requests.Broken,
        async (connection, broken) =>
        {
            var bytes = Requests.Mutate(broken.Original.ToBytes(connection.Host), broken.Kind, broken.Position, broken.Value);
            try
            {
                // A connection of its own: what is left of one broken request would be the start of the next.
                using var own = new RawConnection(address);
                var answer = await own.SendAsync(bytes, isHead: true, BrokenLimit, cancellationToken);
                Count(_brokenStatuses, answer);

                // 505 is the protocol's own answer to a version nobody speaks.
                if (answer.Status >= 500 && answer.Status is not (503 or 505))
                    findings.Violated($"{answer.Status} for broken bytes: {Encoding.Latin1.GetString(bytes)}");
            }
            catch (InvalidDataException error)
            {
                findings.Violated($"{error.Message}: {Encoding.Latin1.GetString(bytes)}");
            }
        },
        address,
        cancellationToken);

    private async Task InBatchesAsync<T>(
        int count, Gen<T> generator, Func<RawConnection, T, Task> send, Uri address, CancellationToken cancellationToken)
    {
        var next = 0;
        using var client = new BusClient(address, AnswerLimit);
        await Task.WhenAll(Enumerable.Range(0, Connections).Select(_ => Task.Run(
            async () =>
            {
                using var connection = new RawConnection(address);
                while (true)
                {
                    var first = Interlocked.Add(ref next, Batch) - Batch;
                    if (first >= count)
                        return;
                    await PrepareAsync(client, cancellationToken);
                    var batchSeed = unchecked((ulong)HashCode.Combine(seed, first));
                    foreach (var sample in generator.Sample(Math.Min(Batch, count - first), new Rnd(batchSeed), SampleSize))
                        await send(connection, sample);
                }
            },
            cancellationToken)));
    }

    /// <summary>What the requests name is there, so that they get past the first question.</summary>
    private static async Task PrepareAsync(BusClient client, CancellationToken cancellationToken)
    {
        foreach (var topic in Requests.Topics)
        {
            await client.PutTopicAsync(topic, cancellationToken);
            await client.AddAsync(topic, "{\"ad\":1}"u8.ToArray(), idempotencyKey: null, cancellationToken);
            foreach (var subscription in Requests.Topics)
                await client.PutSubscriptionAsync(topic, subscription, leaseSeconds: 30, maxAttempts: 10, cancellationToken);
        }
    }

    private static Task<RawAnswer> SendAsync(RawConnection connection, RawRequest request, CancellationToken cancellationToken) =>
        connection.SendAsync(
            request.ToBytes(connection.Host), request.Method == "HEAD", request.MayWait ? WaitLimit : AnswerLimit, cancellationToken);

    private void Judge(RawRequest request, RawAnswer answer)
    {
        Count(_statuses, answer);
        switch (answer.Status)
        {
            case RawAnswer.Late when request.MayWait:
                break;
            case RawAnswer.Late:
                findings.Violated($"no answer in {AnswerLimit.TotalSeconds} s to {request}");
                break;
            case RawAnswer.Closed:
                findings.Violated($"the connection was closed without an answer to {request}");
                break;
            case 503 when answer.Header("retry-after") is not null:
                break;
            case >= 500:
                findings.Violated($"{answer.Status} {answer.Body} for {request}");
                break;
            case >= 400 when request.Method != "HEAD" && IsApi(request.Target) && !IsClear(answer):
                findings.Violated($"{answer.Status} without a clear reason ({answer.Header("content-type")} {answer.Body}) for {request}");
                break;
        }
    }

    private static bool IsApi(string target) =>
        target.StartsWith("/api/v1/", StringComparison.Ordinal) || target.StartsWith("/add?", StringComparison.Ordinal)
        || target.StartsWith("/fetch?", StringComparison.Ordinal) || target is "/add" or "/fetch";

    private static bool IsClear(RawAnswer answer)
    {
        // Where the head itself was refused there is no route that could say more.
        if (answer.Body.Length == 0)
            return answer.Status is 400 or 414 or 431 && answer.Header("connection") == "close";
        if (!answer.IsProblem)
            return false;
        var problem = JsonElement.Parse(answer.Body);
        return problem.GetProperty("status").GetInt32() == answer.Status && problem.GetProperty("error").GetString() is { Length: > 0 };
    }

    private static void Count(ConcurrentDictionary<int, int> statuses, RawAnswer answer) =>
        statuses.AddOrUpdate(answer.Status, 1, (_, count) => count + 1);

    private static string Summary(ConcurrentDictionary<int, int> statuses) => string.Join(", ", statuses
        .OrderBy(entry => entry.Key)
        .Select(entry => string.Create(CultureInfo.InvariantCulture, $"{entry.Value} × {Named(entry.Key)}")));

    private static string Named(int status) => status switch
    {
        RawAnswer.Late => "no answer in time",
        RawAnswer.Closed => "closed",
        _ => status.ToString(CultureInfo.InvariantCulture),
    };
}
