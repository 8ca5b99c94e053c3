using System.Globalization;
using Databus.Proofs.Processes;
using Databus.Testing;
using Databus.Testing.Processes;
using Databus.Testing.Servers;

namespace Databus.Bench.Postgres;

/// <summary>One and two nodes over PostgreSQL that syncs every commit.</summary>
internal static class OnPostgres
{
    /// <summary>As small servers are run; otherwise checkpoints decide the figures.</summary>
    public static readonly PostgresSettings Settings = new()
    {
        Parameters = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["shared_buffers"] = "512MB",
            ["max_wal_size"] = "8GB",
            ["checkpoint_timeout"] = "30min",
        },
    };

    private const int BulkRows = 200_000;
    private const int SingleRows = 60_000;

    public static async Task MeasureAsync(Plan plan, Report report)
    {
        await using var postgres = await PostgresServer.StartAsync(Settings);
        await postgres.ExecuteAsync("CREATE EXTENSION pg_stat_statements");
        using var data = new TemporaryFolder();
        await using var one = await StartAsync(postgres, data, "one");
        await using var bare = new BarePostgres(postgres.ConnectionString(await postgres.CreateDatabaseAsync()));
        await bare.CreateAsync();

        await AddsAsync(plan, report, postgres, one, bare);
        var bulk = await BulkAsync(plan, report, one, bare);
        await FetchesAsync(plan, report, postgres, one, bulk);
        await using var two = await StartAsync(postgres, data, "two");
        await TwoNodesAsync(plan, report, one, two);
    }

    private static Task<ServerProcess> StartAsync(PostgresServer postgres, TemporaryFolder data, string name) =>
        ServerProcess.StartAsync(new ServerSettings(data.Path, LoopbackPort.Find()) { Store = postgres.Url(), Name = name }, CancellationToken.None);

    private static async Task AddsAsync(Plan plan, Report report, PostgresServer postgres, ServerProcess one, BarePostgres bare)
    {
        await SingleAdds.RateAsync(TimeSpan.FromSeconds(3), one.Address);
        await bare.InsertAsync(SingleRows / 4, SingleAdds.Connections);
        List<double> baseline = [], databus = [], statements = [];
        for (var round = 0; round < plan.Rounds; round++)
        {
            baseline.Add(await bare.InsertAsync(SingleRows, SingleAdds.Connections));
            var before = await StatementsAsync(postgres);
            var rate = await SingleAdds.RateAsync(plan.Time, one.Address);
            databus.Add(rate);
            statements.Add((await StatementsAsync(postgres) - before) / (rate * plan.Seconds));
        }

        report.Add(new Figure(
            "PostgreSQL: single adds, 64 connections", "adds/s", Median.Of(databus), "INSERT … ON CONFLICT, batches of 64", Median.Of(baseline), Limit.AtLeast(0.7)));
        report.Add(new Figure("PostgreSQL: statements an add under load", "", Median.Of(statements), null, null, Limit.AtMost(0.1)));
    }

    private static async Task<double> BulkAsync(Plan plan, Report report, ServerProcess one, BarePostgres bare)
    {
        await BulkAppends.SendAsync(one.Address, "warm-up", BulkRows / 4);
        List<double> baseline = [], databus = [];
        for (var round = 0; round < plan.Rounds; round++)
        {
            baseline.Add(await bare.InsertAsync(BulkRows, 1000));
            databus.Add(await BulkAppends.SendAsync(one.Address, $"bulk-{round}", BulkRows));
        }

        report.Add(new Figure(
            "PostgreSQL: bulk over HTTP (NDJSON)", "items/s", Median.Of(databus), "INSERT … ON CONFLICT, batches of 1000", Median.Of(baseline), Limit.AtLeast(0.7)));
        return Median.Of(databus);
    }

    private static async Task FetchesAsync(Plan plan, Report report, PostgresServer postgres, ServerProcess one, double bulk)
    {
        using var line = await HttpLine.OpenAsync(one.Address);
        await Fetches.FillAsync(line);
        await Fetches.DrainAsync(line, "warm-up");
        List<double> rates = [], statements = [];
        for (var round = 0; round < plan.Rounds; round++)
        {
            var before = await StatementsAsync(postgres);
            rates.Add(await Fetches.DrainAsync(line, string.Create(CultureInfo.InvariantCulture, $"round-{round}")));
            statements.Add((await StatementsAsync(postgres) - before) / (double)Fetches.Items);
        }

        report.Add(new Figure(
            "PostgreSQL: fetch and acknowledge, 1 consumer", "items/s", Median.Of(rates), "its own bulk adds", bulk, Limit.AtLeast(1)));
        report.Add(new Figure("PostgreSQL: statements an item fetched", "", Median.Of(statements), null, null, Limit.AtMost(0.1)));
    }

    private static async Task TwoNodesAsync(Plan plan, Report report, ServerProcess one, ServerProcess two)
    {
        await SingleAdds.RateAsync(TimeSpan.FromSeconds(3), two.Address);
        List<double> alone = [], together = [];
        for (var round = 0; round < plan.Rounds; round++)
        {
            alone.Add(await SingleAdds.RateAsync(plan.Time, one.Address));
            together.Add(await SingleAdds.RateAsync(plan.Time, one.Address, two.Address));
        }

        report.Add(new Figure(
            "PostgreSQL: single adds over two nodes", "adds/s", Median.Of(together), "over one of them", Median.Of(alone), Limit.AtLeast(1)));
        var times = await WakeUps.TimesAsync(plan, one.Address, two.Address);
        report.Add(new Figure("PostgreSQL: wake-up across two nodes, median", "ms", Median.Of(times), null, null, null));
        report.Add(new Figure("PostgreSQL: wake-up across two nodes, p99", "ms", Median.Percentile(times, 0.99), null, null, Limit.AtMost(20)));
    }

    private static async Task<long> StatementsAsync(PostgresServer postgres) => long.Parse(
        await postgres.ExecuteAsync(
            "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements WHERE dbid = (SELECT oid FROM pg_database WHERE datname = 'databus')"),
        CultureInfo.InvariantCulture);
}
