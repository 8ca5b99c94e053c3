using System.Globalization;
using System.Text;
using Databus.Proofs.Http;
using Databus.Proofs.Processes;
using Databus.Testing;
using Databus.Testing.Processes;

namespace Databus.Proofs.Disk;

/// <summary>
/// P10: on a full disk adds are refused by 507, fetches and acknowledgements go on, and adds work again by themselves
/// when space returns. Needs the right to mount.
/// </summary>
internal sealed class FullDiskProof(Findings findings)
{
    private const string Topic = "ads";
    private const string Subscription = "readers";
    private const int SmallItems = 3000;
    private const int RefusalsWanted = 50;
    private const int Batches = 100;
    private const int BatchSize = 10;
    private const int MostAdds = 100_000;
    private static readonly TimeSpan Recovery = TimeSpan.FromSeconds(20);

    private readonly Dictionary<long, int> _acknowledged = [];
    private int _next;

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await using var disk = await SmallDisk.MountAsync(megabytes: 192, taken: 80);
        var port = LoopbackPort.Find();
        var consumed = 0;
        await using (var server = await ServerProcess.StartAsync(disk.DataFolder, port, cancellationToken))
        {
            using var client = new BusClient(server.Address, TimeSpan.FromSeconds(30));
            await client.PutTopicAsync(Topic, cancellationToken);
            await client.PutSubscriptionAsync(Topic, Subscription, leaseSeconds: 3600, maxAttempts: 10, cancellationToken);
            for (var add = 0; add < SmallItems; add++)
                await AddAsync(client, size: 10, cancellationToken);
            await FillAsync(client, cancellationToken);
            consumed = await ConsumeAsync(client, cancellationToken);

            disk.GiveSpaceBack();
            var recovered = await Deadline.WaitAsync(
                async () => await AddAsync(client, size: 10, cancellationToken) == 201, Recovery, cancellationToken);
            findings.Claim(recovered, "adds work again by themselves after space returned");
            var added = 0;
            for (var add = 0; add < 200; add++)
                added += await AddAsync(client, size: 1000, cancellationToken) == 201 ? 1 : 0;
            findings.Claim(added == 200, $"{added} of 200 further adds are taken");
            await server.KillAsync();
        }

        await AuditAsync(disk.DataFolder, port, consumed, cancellationToken);
    }

    private async Task FillAsync(BusClient client, CancellationToken cancellationToken)
    {
        var statuses = new Dictionary<int, int>();
        for (var add = 0; add < MostAdds && statuses.GetValueOrDefault(507) < RefusalsWanted; add++)
        {
            // Large ones fill the disk; when those do not fit any more, small ones take the last bytes.
            var status = await AddAsync(client, statuses.ContainsKey(507) ? 10 : 60_000, cancellationToken);
            statuses[status] = statuses.GetValueOrDefault(status) + 1;
        }

        var summary = string.Join(", ", statuses.Select(entry => $"{entry.Value} × {entry.Key}"));
        findings.Claim(
            statuses.GetValueOrDefault(507) == RefusalsWanted && statuses.Keys.All(status => status is 201 or 507),
            $"on a disk that runs full adds are answered by {summary}");
        var oneMore = BusClient.Json("{\"one\":\"more\"}"u8.ToArray());
        var refusal = await client.SendAsync(HttpMethod.Post, $"add?topic={Topic}", oneMore, cancellationToken);
        findings.Claim(
            refusal.Status == 507 && refusal.Body.TryGetProperty("error", out var error) && refusal.Body.TryGetProperty("type", out _),
            $"the refusal is a problem with its reason: {refusal.Body}");
    }

    private async Task<int> ConsumeAsync(BusClient client, CancellationToken cancellationToken)
    {
        var consumed = new HashSet<long>();
        var problems = 0;
        var refused = 0;
        for (var batch = 0; batch < Batches; batch++)
        {
            try
            {
                var taken = await client.FetchAsync(Topic, Subscription, BatchSize, waitSeconds: 0, leaseSeconds: 3600, cancellationToken);
                var lost = await client.AcknowledgeAsync(Topic, Subscription, taken.Select(delivery => delivery.Token), cancellationToken);
                problems += lost.Count;
                consumed.UnionWith(taken.Select(delivery => delivery.Id));
            }
            catch (HttpRequestException refusal)
            {
                problems++;
                findings.Say($"a fetch or an acknowledgement on the full disk was refused: {refusal.Message}");
            }

            if (batch % 10 == 0 && await AddAsync(client, size: 10, cancellationToken) == 507)
                refused++;
        }

        findings.Claim(
            consumed.Count == Batches * BatchSize && problems == 0,
            $"{consumed.Count} items were fetched and acknowledged on the full disk, {problems} problems; "
            + $"{refused} of {Batches / 10} adds meanwhile were refused");
        return consumed.Count;
    }

    private async Task AuditAsync(string dataFolder, int port, int consumed, CancellationToken cancellationToken)
    {
        await using var server = await ServerProcess.StartAsync(dataFolder, port, cancellationToken);
        using var client = new BusClient(server.Address, TimeSpan.FromSeconds(30));
        var missing = new Dictionary<long, int>(_acknowledged);
        var items = 0;
        await foreach (var item in client.ReadAllAsync(Topic, after: 0, cancellationToken))
        {
            items++;
            var id = Answer.ReadId(item);
            if (missing.TryGetValue(id, out var number) && item.GetProperty("content").GetProperty("number").GetInt32() == number)
                missing.Remove(id);
        }

        findings.Claim(
            missing.Count == 0,
            $"after a kill and a restart {items} items are there; of {_acknowledged.Count} acknowledged {missing.Count} are lost");
        var status = (await client.GetSubscriptionAsync(Topic, Subscription, cancellationToken)).EnsureSuccess();
        findings.Claim(
            status.LongNumber("lag") + status.LongNumber("inFlight") + status.LongNumber("waiting") == items - consumed,
            $"the subscription goes on after the {consumed} acknowledged items: {status.Body}");
    }

    private async Task<int> AddAsync(BusClient client, int size, CancellationToken cancellationToken)
    {
        var number = ++_next;
        var content = Encoding.UTF8.GetBytes(string.Create(
            CultureInfo.InvariantCulture, $$"""{"number":{{number}},"text":"{{new string('x', size)}}"}"""));
        var answer = await client.AddAsync(Topic, content, idempotencyKey: null, cancellationToken);
        if (answer.Result == AddResult.Added)
            _acknowledged[answer.Id] = number;
        return answer.Status;
    }
}
