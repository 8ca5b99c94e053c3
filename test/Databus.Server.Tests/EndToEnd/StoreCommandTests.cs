using System.Net;
using System.Net.Http.Headers;
using Databus.Server.CommandLine;
using Databus.Server.Serving;
using Databus.Server.Tests.CommandLine;
using Databus.Testing;

namespace Databus.Server.Tests.EndToEnd;

/// <summary>
/// Commands that work on the data beside the server that runs on it. With SQLite the server is asked over its control socket;
/// with PostgreSQL there is none, and the command opens the store itself.
/// </summary>
public abstract class StoreCommandTests(RunningServer server)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    protected RunningServer Server => server;

    [Fact]
    public async Task A_token_lets_in_from_its_creation_until_it_is_deleted()
    {
        Assert.Equal(HttpStatusCode.Unauthorized, await AskAsync("dbt_unknown"));

        var created = await RunAsync("token", "create", "scraper");
        Assert.Equal((ExitCodes.Ok, ""), (created.ExitCode, created.Error));
        await UntilAsync(created.Out.Trim(), HttpStatusCode.OK);
        Assert.Contains("scraper", (await RunAsync("token", "list")).Out, StringComparison.Ordinal);
        Assert.Equal(ExitCodes.Failed, (await RunAsync("token", "create", "scraper")).ExitCode);

        Assert.Equal(ExitCodes.Ok, (await RunAsync("token", "delete", "scraper")).ExitCode);
        await UntilAsync(created.Out.Trim(), HttpStatusCode.Unauthorized);
        Assert.DoesNotContain("scraper", (await RunAsync("token", "list")).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_doctor_finds_the_data_of_a_running_server_sound()
    {
        var run = await RunAsync("doctor");
        Assert.True(run.ExitCode == ExitCodes.Ok, run.Out + run.Error);
    }

    private protected async Task<CommandRun> RunAsync(params string[] args) =>
        await CommandRun.OfAsync(args, variables: await server.VariablesAsync(), store: Stores.CommandsOf, stop: TestContext.Current.CancellationToken);

    /// <summary>As a proxy asks for somebody on another machine, whose address is not trusted.</summary>
    private async Task<HttpStatusCode> AskAsync(string secret)
    {
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false });
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(server.Address, "api/v1/topics"));
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", secret);
        request.Headers.Add("X-Forwarded-For", "192.0.2.1");
        using var answer = await http.SendAsync(request, TestContext.Current.CancellationToken);
        return answer.StatusCode;
    }

    private async Task UntilAsync(string secret, HttpStatusCode expected) => Assert.True(
        await Deadline.WaitAsync(async () => await AskAsync(secret) == expected, Patience, TestContext.Current.CancellationToken),
        $"The token never got the answer {expected}.");
}

public sealed class SqliteStoreCommandTests(SqliteServer server) : StoreCommandTests(server), IClassFixture<SqliteServer>
{
    /// <summary>Only here: the data is a file of ours, so its copies are our business.</summary>
    [Fact]
    public async Task A_backup_of_a_running_server_puts_back_what_was_there()
    {
        using var folder = new TemporaryFolder();
        await AddAsync("kept");
        var backup = await RunAsync("backup", folder.File("backup"));
        Assert.True(backup.ExitCode == ExitCodes.Ok, backup.Error);
        await AddAsync("lost");

        Assert.Equal(ExitCodes.Failed, (await RunAsync("restore", folder.File("backup"), "--force")).ExitCode);
        await Server.StopAsync();
        var restored = await RunAsync("restore", folder.File("backup"), "--force");
        Assert.True(restored.ExitCode == ExitCodes.Ok, restored.Error);
        await Server.StartAsync();

        var topics = await Server.Client.SendAsync(HttpMethod.Get, "api/v1/topics", body: null, TestContext.Current.CancellationToken);
        Assert.Equal("kept", Assert.Single(topics.Body.GetProperty("topics").EnumerateArray()).GetProperty("name").GetString());
    }

    private async Task AddAsync(string topic) => (await Server.Client.SendJsonAsync(
        HttpMethod.Post, $"add?topic={topic}", new { n = 1 }, TestContext.Current.CancellationToken)).EnsureSuccess();
}

public sealed class PostgresStoreCommandTests(PostgresServer server) : StoreCommandTests(server), IClassFixture<PostgresServer>
{
    /// <summary>Only here: PostgreSQL has its own tools for copies of a database.</summary>
    [Fact]
    public async Task Backup_and_restore_name_the_tools_that_do_it()
    {
        using var folder = new TemporaryFolder();
        var backup = await RunAsync("backup", folder.File("backup"));
        Assert.Equal((ExitCodes.WrongUsage, ""), (backup.ExitCode, backup.Out));
        Assert.Contains("pg_dump", backup.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(folder.File("backup")));

        var restore = await RunAsync("restore", folder.Write("dump", ""), "--force");
        Assert.Equal((ExitCodes.WrongUsage, ""), (restore.ExitCode, restore.Out));
        Assert.Contains("pg_restore", restore.Error, StringComparison.Ordinal);
    }
}
