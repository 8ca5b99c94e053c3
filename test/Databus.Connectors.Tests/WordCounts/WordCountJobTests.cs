using System.Text;
using System.Text.Json;
using Databus.Connectors.Hosting;
using Databus.Connectors.WordCounts;
using Databus.Hosting;
using Databus.Jobs;
using Databus.Jobs.Testing;
using Databus.Sqlite;
using Databus.Testing;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Databus.Connectors.Tests.WordCounts;

/// <summary>The job as it is enqueued from any language, on a real store.</summary>
public sealed class WordCountJobTests : IAsyncLifetime
{
    private readonly FakeClock _clock = new();
    private readonly TemporaryFolder _folder = new();
    private ServiceProvider _services = null!;
    private JobTestHost _jobs = null!;
    private LoopbackServer _server = null!;
    private int _failures;

    public async ValueTask InitializeAsync()
    {
        _services = new ServiceCollection()
            .AddLogging()
            .AddSingleton<TimeProvider>(_clock)
            .AddDatabus()
            .AddSqliteStore(new SqliteStoreOptions { DataDirectory = _folder.Path })
            .AddDatabusConnectors(options => options.AllowedNetworks.Add("127.0.0.1/32"))
            .AddDatabusConnectors()
            .BuildServiceProvider();
        _jobs = await JobTestHost.StartAsync(_services, _clock.Advance);
        _server = await LoopbackServer.StartAsync(context =>
        {
            context.Response.StatusCode = _failures-- > 0 ? 503 : 200;
            context.Response.ContentType = "text/html; charset=utf-8";
            return context.Response.WriteAsync("<title>Cats</title>the cat and the other cat");
        });
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        await _jobs.DisposeAsync();
        await _services.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task Its_result_is_kept_as_json()
    {
        var job = await RunAsync($$"""{"url":"{{_server.Address}}","top":2}""");
        Assert.Equal((JobState.Succeeded, 1), (job.State, job.Attempt));
        Assert.Equal(
            $$"""{"url":"{{_server.Address}}","title":"Cats","language":"en","total":6,"distinct":4,"top":[{"word":"cat","count":2},{"word":"the","count":2}],"topWithoutStopWords":[{"word":"cat","count":2}]}""",
            Encoding.UTF8.GetString(job.Result!));
    }

    [Fact]
    public async Task Ten_words_are_counted_unless_something_else_is_asked_for()
    {
        var job = await RunAsync($$"""{"url":"{{_server.Address}}"}""");
        Assert.Equal(4, JsonElement.Parse(job.Result!).GetProperty("top").GetArrayLength());
    }

    [Fact]
    public async Task A_page_that_comes_back_is_counted_then()
    {
        _failures = 2;
        var job = await RunAsync($$"""{"url":"{{_server.Address}}"}""");
        Assert.Equal((JobState.Succeeded, 3), (job.State, job.Attempt));
    }

    [Fact]
    public async Task A_page_that_stays_away_is_given_up_with_the_reason()
    {
        _failures = int.MaxValue;
        var job = await RunAsync($$"""{"url":"{{_server.Address}}"}""");
        Assert.Equal((JobState.Failed, 3), (job.State, job.Attempt));
        Assert.Contains("The page could not be read. The server answered 503.", job.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"url":"http://10.0.0.1/"}""", "The page could not be read. The address 10.0.0.1 is internal and not allowed.")]
    [InlineData("""{"url":"nonsense"}""", "The URL is not valid.")]
    [InlineData("""{"url":null}""", "The URL is not valid.")]
    [InlineData("{}", "The URL is not valid.")]
    public async Task What_will_never_do_is_not_tried_again(string arguments, string reason)
    {
        var job = await RunAsync(arguments);
        Assert.Equal((JobState.Failed, 1), (job.State, job.Attempt));
        Assert.Contains(reason, job.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void It_is_there_once_however_often_it_is_added() => Assert.Single(_services.GetServices<PageWordCounter>());

    private async Task<JobStatus> RunAsync(string arguments)
    {
        var enqueued = await _jobs.Client.EnqueueAsync(WordCount.JobName, Encoding.UTF8.GetBytes(arguments));
        await _jobs.RunAllAsync();
        return (await _jobs.Client.FindAsync(enqueued.Id))!;
    }
}
