using System.Text.Json;
using Databus.Server.CommandLine;
using Databus.Testing;

namespace Databus.Server.Tests.CommandLine;

public sealed class StoreCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly MemoryStore _store = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Without_a_server_tokens_are_made_in_the_store()
    {
        Assert.Equal("dbt_scraper", (await RunAsync("token", "create", "scraper")).Out.Trim());
        Assert.Contains("scraper", (await RunAsync("token", "list")).Out, StringComparison.Ordinal);

        CommandRun taken = await RunAsync("token", "create", "scraper");
        Assert.Equal((ExitCodes.Failed, ""), (taken.ExitCode, taken.Out));

        Assert.Equal(ExitCodes.Ok, (await RunAsync("token", "delete", "scraper")).ExitCode);
        Assert.Equal(ExitCodes.Failed, (await RunAsync("token", "delete", "scraper")).ExitCode);
    }

    [Fact]
    public async Task A_running_server_is_asked_for_tokens_over_its_socket()
    {
        await using FakeServer server = await FakeServer.StartAsync(_folder.File("databus.sock"));
        JsonElement created = JsonElement.Parse((await RunAsync("token", "create", "scraper", "--json")).Out);
        Assert.Equal("dbt_socket", created.GetProperty("token").GetString());
        Assert.Contains("scraper", (await RunAsync("token", "list")).Out, StringComparison.Ordinal);
        Assert.Equal(ExitCodes.Failed, (await RunAsync("token", "create", "scraper")).ExitCode);
        Assert.Equal(ExitCodes.Ok, (await RunAsync("token", "delete", "scraper")).ExitCode);
        Assert.Equal(5, server.Requests.Count + 1);
    }

    [Fact]
    public async Task A_socket_that_a_killed_server_left_behind_is_not_a_server()
    {
        _folder.Write("databus.sock", "");
        Assert.Equal("dbt_scraper", (await RunAsync("token", "create", "scraper")).Out.Trim());
    }

    [Fact]
    public async Task A_backup_says_what_it_holds()
    {
        CommandRun run = await RunAsync("backup", "monday.databus");
        Assert.Contains("2 topics, 30 items", run.Out, StringComparison.Ordinal);
        Assert.Equal([$"backup {_folder.Path} monday.databus"], _store.Calls);
        Assert.Equal(30, JsonElement.Parse((await RunAsync("backup", "b", "--json")).Out).GetProperty("items").GetInt32());
    }

    [Fact]
    public async Task Restoring_needs_a_backup_and_force_where_there_is_data()
    {
        Assert.Equal(ExitCodes.Failed, (await RunAsync("restore", _folder.File("none"))).ExitCode);
        Assert.Empty(_store.Calls);

        string backup = _folder.Write("backup", "");
        CommandRun refused = await RunAsync("restore", backup);
        Assert.Equal(ExitCodes.Failed, refused.ExitCode);
        Assert.Contains("--force", refused.Error, StringComparison.Ordinal);
        Assert.Equal(ExitCodes.Ok, (await RunAsync("restore", backup, "--force")).ExitCode);
    }

    [Fact]
    public async Task Nothing_is_restored_under_a_running_server()
    {
        await using FakeServer server = await FakeServer.StartAsync(_folder.File("databus.sock"));
        CommandRun run = await RunAsync("restore", _folder.Write("backup", ""), "--force");
        Assert.Equal(ExitCodes.Failed, run.ExitCode);
        Assert.Empty(_store.Calls);
    }

    [Fact]
    public async Task The_doctor_fails_only_when_something_is_broken()
    {
        _store.Checks.Add(new DoctorCheck("file", DoctorVerdict.Ok, "The file is whole."));
        _store.Checks.Add(new DoctorCheck("library", DoctorVerdict.Warning, "SQLite is old."));
        CommandRun fine = await RunAsync("doctor");
        Assert.Equal(ExitCodes.Ok, fine.ExitCode);
        Assert.Contains("SQLite is old.", fine.Out, StringComparison.Ordinal);

        _store.Checks.Add(new DoctorCheck("disk", DoctorVerdict.Failed, "The disk is full."));
        CommandRun broken = await RunAsync("doctor", "--json");
        Assert.Equal(ExitCodes.Failed, broken.ExitCode);
        JsonElement result = JsonElement.Parse(broken.Out);
        Assert.False(result.GetProperty("healthy").GetBoolean());
        Assert.Equal("failed", result.GetProperty("checks")[2].GetProperty("verdict").GetString());
    }

    private Task<CommandRun> RunAsync(params string[] args) =>
        CommandRun.OfAsync([.. args, "--data", _folder.Path], store: _ => _store.Commands);
}
