using System.Text;
using Databus.Hosting;
using Databus.Nodes;
using Databus.Sources;
using Databus.Sqlite;
using Databus.Storage;
using Databus.Testing;
using Databus.Topics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Databus.RabbitMq.Tests;

/// <summary>A node that listens and pushes, on a real store.</summary>
internal sealed class Node : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly IHost _host;

    private Node(string uri, Action<RabbitMqOptions>? configure)
    {
        var builder = Host.CreateEmptyApplicationBuilder(settings: null);
        builder.Logging.SetMinimumLevel(LogLevel.None);
        builder.Services.AddDatabus(node => node.Roles = NodeRoles.Collector | NodeRoles.Worker);
        builder.Services.AddSingleton<IStore>(provider =>
        {
            Faults = FailingStore.Before(new SqliteStore(new SqliteStoreOptions { DataDirectory = _folder.Path }, provider.GetRequiredService<TimeProvider>()));
            return (IStore)(object)Faults;
        });
        builder.Services.AddRabbitMq(options =>
        {
            options.Uri = uri;
            configure?.Invoke(options);
        });
        _host = builder.Build();
        Store = _host.Services.GetRequiredService<IStore>();
    }

    public IStore Store { get; }

    public FailingStore Faults { get; private set; } = null!;

    public static async Task<Node> StartAsync(string uri, Action<RabbitMqOptions>? configure = null)
    {
        var node = new Node(uri, configure);
        await node._host.StartAsync();
        return node;
    }

    /// <summary>Creates the source <c>in</c>, or changes it; its topic is <c>ads</c>.</summary>
    public async Task ListenAsync(string address, bool paused = false)
    {
        await Store.PutSourceAsync(new SourceSettings("in", "amqp", "ads", new Uri(address)) { Paused = paused }, CancellationToken.None);
        _host.Services.GetRequiredService<SourceListener>().Changed();
    }

    public async Task ForgetAsync()
    {
        await Store.DeleteSourceAsync("in", CancellationToken.None);
        _host.Services.GetRequiredService<SourceListener>().Changed();
    }

    public async Task<IReadOnlyList<Item>> ItemsAsync() =>
        await Store.FindTopicAsync("ads", CancellationToken.None) is { } topic
            ? (await Store.ReadItemsAsync(topic, new ItemQuery { Limit = ItemQuery.MaxLimit }, CancellationToken.None)).Items
            : [];

    public async Task<SourceStatus> StatusAsync() => Assert.Single(await Store.ListSourcesAsync("in", CancellationToken.None));

    /// <summary>The contents of the topic once there are as many.</summary>
    public async Task<List<string>> ContentsAsync(int count)
    {
        await SoonAsync(async () => (await ItemsAsync()).Count >= count);
        return [.. (await ItemsAsync()).Select(item => Encoding.UTF8.GetString(item.Content))];
    }

    public static async Task SoonAsync(Func<Task<bool>> condition) =>
        Assert.True(await Deadline.WaitAsync(condition, OneBroker.Soon, TestContext.Current.CancellationToken), "It did not come to pass.");

    public Task StopAsync() => _host.StopAsync();

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync();
        if (_host is IAsyncDisposable host)
            await host.DisposeAsync();
        _folder.Dispose();
    }
}
