using Databus.Connectors.Hosting;
using Databus.Connectors.Http;
using Databus.Sources;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Databus.Connectors.Tests;

public sealed class ConnectorServicesTests
{
    [Fact]
    public async Task The_feed_source_is_there_once_however_often_it_is_added()
    {
        await using var services = Services(_ => { }).AddDatabusConnectors().BuildServiceProvider();

        Assert.Equal("feed", Assert.Single(services.GetServices<ISourceKind>()).Name);
    }

    [Fact]
    public async Task A_wrong_option_is_named()
    {
        await using var services = Services(options => options.MaxRedirects = 99).BuildServiceProvider();

        var error = Assert.Throws<OptionsValidationException>(
            () => services.GetRequiredService<IOptions<GuardedHttpOptions>>().Value);
        Assert.Equal("MaxRedirects must be between 0 and 20.", error.Message);
    }

    private static IServiceCollection Services(Action<GuardedHttpOptions> configure) => new ServiceCollection()
        .AddSingleton(typeof(ILogger<>), typeof(NullLogger<>))
        .AddDatabusConnectors(configure);
}
