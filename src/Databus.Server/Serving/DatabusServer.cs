using Databus.AspNetCore;
using Databus.Connectors.Hosting;
using Databus.Hosting;
using Databus.Nodes;
using Databus.RabbitMq;
using Databus.Redis;
using Databus.Server.CommandLine;
using Databus.Storage;
using Microsoft.Extensions.Options;

namespace Databus.Server.Serving;

/// <summary>What the server is made of.</summary>
internal static partial class DatabusServer
{
    /// <summary>
    /// So long what is under way may take after the signal to stop; then it is cut off. Saying goodbye and closing the store
    /// come after it, and all of it ends within the 10 s that are promised.
    /// </summary>
    private static readonly TimeSpan LongestDrain = TimeSpan.FromSeconds(8);

    /// <summary>Serves until told to stop. The result is the exit code.</summary>
    public static async Task<int> RunAsync(ServeOptions options, CancellationToken stop)
    {
        try
        {
            await using var app = Build(options);
            var (roles, store) = (string.Join(", ", options.Roles.Words()), options.Store.ToString());
            app.Lifetime.ApplicationStarted.Register(() => LogListening(app.Logger, options.Name, options.Urls, roles, options.Environment, store));
            await app.RunAsync(stop);
            return ExitCodes.Ok;
        }
        catch (Exception error) when (error is StoreException or IOException or OptionsValidationException)
        {
            throw new CommandFailure(ExitCodes.Failed, error.Message);
        }
    }

    private static WebApplication Build(ServeOptions options)
    {
        var isDevelopment = options.Environment == Environments.Development;
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions
        {
            EnvironmentName = options.Environment,
            ContentRootPath = AppContext.BaseDirectory,
        });

        // Limits, for example DATABUS_HTTP__MAXITEMBYTES=2000000.
        builder.Configuration.AddEnvironmentVariables("DATABUS_");
        builder.Logging.AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.UseUtcTimestamp = true;
            console.TimestampFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z' ";
        });
        builder.Logging.AddFilter("Microsoft", LogLevel.Warning);
        builder.Services.Configure<HostOptions>(host =>
        {
            host.ShutdownTimeout = LongestDrain;

            // A request that takes long must not take their time from those who give back what they hold.
            host.ServicesStopConcurrently = true;
        });

        builder.Services.AddDatabus(node =>
        {
            node.NodeName = options.Name;
            node.Roles = options.Roles;

            // The rest is for giving back what has not ended by then.
            node.JobDrainTime = LongestDrain - TimeSpan.FromSeconds(3);
            node.RecentKeys = builder.Configuration.GetValue("RecentKeys", node.RecentKeys);
            node.JobConcurrency = options.JobConcurrency ?? node.JobConcurrency;
            node.JobQueues = options.JobQueues;
        });
        Stores.Add(builder.Services, options.Store);

        // DATABUS_REDIS__CONFIGURATION=host:6379,password=…
        if (builder.Configuration.GetSection("Redis") is var redis && redis.Exists())
            builder.Services.AddRedisKeys(redis.Bind);

        // DATABUS_RABBITMQ__URI=amqp://user:password@host:5672/vhost
        if (builder.Configuration.GetSection("RabbitMq") is var rabbit && rabbit.Exists())
            builder.Services.AddRabbitMq(rabbit.Bind);
        builder.Services.AddDatabusConnectors(fetch =>
        {
            builder.Configuration.GetSection("Fetch").Bind(fetch);
            if (isDevelopment && fetch.AllowedNetworks.Count == 0)
            {
                fetch.AllowedNetworks.Add("127.0.0.0/8");
                fetch.AllowedNetworks.Add("::1/128");
            }
        });
        builder.Services.AddDatabusHttp(http =>
        {
            builder.Configuration.GetSection("Http").Bind(http);
            http.TrustLoopback = isDevelopment;
            http.Environment = options.Environment;
        });
        Listen(builder, options);

        return builder.Build().UseDatabus();
    }

    private static void Listen(WebApplicationBuilder builder, ServeOptions options)
    {
        var urls = options.Urls.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).ToList();
        if (ControlSocket.Of(options.Store) is { } socket)
        {
            builder.Services.AddHostedService(_ => socket);
            urls.Add(socket.Url);
        }

        builder.WebHost.UseUrls([.. urls]);
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.Services.AddOptions<Microsoft.AspNetCore.Server.Kestrel.Core.KestrelServerOptions>().Configure<IOptions<DatabusHttpOptions>>((kestrel, http) =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxConcurrentConnections = http.Value.MaxConnections;
            kestrel.Limits.MaxRequestBodySize = (long)http.Value.MaxBodyBytes + 1;
        });
    }

    [LoggerMessage(EventId = 1000, Level = LogLevel.Information, Message = "Databus node {Name} listens on {Urls}. Roles {Roles}, environment {Environment}, store {Store}.")]
    private static partial void LogListening(ILogger logger, string name, string urls, string roles, string environment, string store);
}
