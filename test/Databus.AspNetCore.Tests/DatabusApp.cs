using System.Net.Http.Headers;
using System.Text;
using Databus.Hosting;
using Databus.Sqlite;
using Databus.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Databus.AspNetCore.Tests;

/// <summary>A whole Databus on a free loopback port, with a SQLite file in a folder of its own.</summary>
public sealed class DatabusApp : IAsyncLifetime
{
    private readonly AppSetup _setup;
    private readonly TemporaryFolder _folder = new();
    private WebApplication? _app;

    public DatabusApp()
        : this(new AppSetup())
    {
    }

    private DatabusApp(AppSetup setup) => _setup = setup;

    /// <summary>Redirects and cookies are the tests' own business.</summary>
    public HttpClient Http { get; private set; } = new();

    public Uri Address => Http.BaseAddress!;

    public string DataDirectory => _folder.Path;

    internal static async Task<DatabusApp> StartAsync(AppSetup setup)
    {
        var app = new DatabusApp(setup);
        await app.InitializeAsync();
        return app;
    }

    public async ValueTask InitializeAsync()
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions
        {
            EnvironmentName = "Production",
            ContentRootPath = AppContext.BaseDirectory,
        });
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        if (_setup.Clock is { } clock)
            builder.Services.AddSingleton<TimeProvider>(clock);

        builder.Services.AddDatabus(_setup.Node);
        builder.Services.AddSingleton(provider =>
        {
            var options = new SqliteStoreOptions { DataDirectory = _folder.Path };
            _setup.Sqlite(options);
            return _setup.Store(new SqliteStore(options, provider.GetRequiredService<TimeProvider>()));
        });
        builder.Services.AddDatabusHttp(http =>
        {
            http.TrustLoopback = _setup.TrustLoopback;
            http.Environment = "Test";
            _setup.Http(http);
        });
        _setup.Services(builder.Services);

        _app = builder.Build().UseDatabus();
        _setup.Routes(_app);
        await _app.StartAsync();
        var address = _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        Http.Dispose();
        Http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, UseProxy = false })
        {
            BaseAddress = new Uri(address),
        };
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await StopAsync();
        _folder.Dispose();
    }

    /// <summary>Stops it as a signal does, and ends when nothing of it runs any more.</summary>
    public async Task StopAsync()
    {
        if (_app is null)
            return;
        await _app.StopAsync();
        await _app.DisposeAsync();
        _app = null;
    }

    internal T Service<T>()
        where T : notnull =>
        _app!.Services.GetRequiredService<T>();

    internal async Task<Answer> SendAsync(
        HttpMethod method, string path, HttpContent? content = null, params IEnumerable<(string Name, string Value)> headers)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        using var response = await Http.SendAsync(request);
        return await Answer.OfAsync(response);
    }

    internal Task<Answer> GetAsync(string path, params IEnumerable<(string Name, string Value)> headers) =>
        SendAsync(HttpMethod.Get, path, content: null, headers);

    internal Task<Answer> DeleteAsync(string path) => SendAsync(HttpMethod.Delete, path);

    internal Task<Answer> PutAsync(string path, string json = "") => SendAsync(HttpMethod.Put, path, Json(json));

    internal Task<Answer> PostAsync(string path, string json = "", params IEnumerable<(string Name, string Value)> headers) =>
        SendAsync(HttpMethod.Post, path, Json(json), headers);

    internal Task<Answer> PostAsync(string path, byte[] body, string? type, params IEnumerable<(string Name, string Value)> headers) =>
        SendAsync(HttpMethod.Post, path, Typed(new ByteArrayContent(body), type), headers);

    /// <summary>Adds one item that must be new, and gives its id.</summary>
    internal async Task<string> AddAsync(string topic, string json)
    {
        var answer = await PostAsync($"/add?topic={topic}", json);
        Assert.Equal(201, answer.Status);
        return answer["id"];
    }

    /// <summary>Adds this many items <c>{"n":1}</c>, <c>{"n":2}</c> ...</summary>
    internal async Task FillAsync(string topic, int count)
    {
        var lines = string.Join('\n', Enumerable.Range(1, count).Select(n => $$"""{"n":{{n}}}"""));
        var answer = await PostLinesAsync(topic, lines);
        Assert.Equal(count, answer.Number("added"));
    }

    internal Task<Answer> PostLinesAsync(string topic, string lines) => PostLinesAsync(topic, Encoding.UTF8.GetBytes(lines));

    internal Task<Answer> PostLinesAsync(string topic, byte[] lines) =>
        PostAsync($"/api/v1/topics/{topic}/items", lines, "application/x-ndjson");

    internal static HttpContent Typed(HttpContent content, string? type)
    {
        content.Headers.ContentType = type is null ? null : MediaTypeHeaderValue.Parse(type);
        return content;
    }

    private static HttpContent? Json(string json) => json.Length == 0 ? null : Typed(new StringContent(json), "application/json");
}
