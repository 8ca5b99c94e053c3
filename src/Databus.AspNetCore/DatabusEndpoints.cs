using Databus.AspNetCore.Access;
using Databus.AspNetCore.Dashboard;
using Databus.AspNetCore.Jobs;
using Databus.AspNetCore.Nodes;
using Databus.AspNetCore.Operation;
using Databus.AspNetCore.Problems;
using Databus.AspNetCore.Schedules;
using Databus.AspNetCore.Sources;
using Databus.AspNetCore.Subscriptions;
using Databus.AspNetCore.Topics;
using Databus.Hosting;
using Databus.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Databus.AspNetCore;

/// <summary>The whole HTTP side as one table.</summary>
public static class DatabusEndpoints
{
    /// <summary>Adds what the routes need. The engine and a store are added beside it.</summary>
    public static IServiceCollection AddDatabusHttp(this IServiceCollection services, Action<DatabusHttpOptions>? configure = null)
    {
        services.AddOptions<DatabusHttpOptions>();
        if (configure is not null)
            services.Configure(configure);
        services.AddSingleton<WaitingRequests>();
        services.AddSingleton<AddRoute>();
        services.AddSingleton<BulkRoute>();
        services.AddSingleton<ItemRoutes>();
        services.AddSingleton<TopicRoutes>();
        services.AddSingleton<DestinationJson>();
        services.AddSingleton<SubscriptionRoutes>();
        services.AddSingleton<FetchRoutes>();
        services.AddSingleton<SourceRoutes>();
        services.AddSingleton<NewJobReader>();
        services.AddSingleton<EnqueueRoutes>();
        services.AddSingleton<JobRoutes>();
        services.AddSingleton<JobBulkRoutes>();
        services.AddSingleton<WorkerRoutes>();
        services.AddSingleton<QueueRoutes>();
        services.AddSingleton<ScheduleRoutes>();
        services.AddSingleton<AccessTokenRoutes>();
        services.AddSingleton<NodeRoutes>();
        services.AddSingleton<OperationRoutes>();
        services.AddSingleton<DashboardFiles>();
        services.ConfigureHttpJsonOptions(json => json.SerializerOptions.TypeInfoResolverChain.Insert(0, WireContext.Default));
        services.AddOpenApi("v1", ApiDocument.Describe);
        return services;
    }

    /// <summary>
    /// Answers every route of Databus and its dashboard; a node without <see cref="NodeRoles.Api"/> only whether it is
    /// well.
    /// </summary>
    public static WebApplication UseDatabus(this WebApplication app)
    {
        app.Use(PageHeaders.Add);
        app.UseMiddleware<ProblemMiddleware>();
        if (!app.Services.GetRequiredService<IOptions<DatabusOptions>>().Value.Roles.HasFlag(NodeRoles.Api))
        {
            app.UseRouting();
            MapHealth(app);
            app.Use(RefuseWithoutApi);
            return app;
        }

        app.UseMiddleware<AccessMiddleware>();
        app.UseRouting();
        MapShortRoutes(app);
        MapTopics(app.MapGroup("/api/v1/topics").WithTags("Topics"));
        MapSubscriptions(app.MapGroup("/api/v1/topics/{topic}/subscriptions").WithTags("Subscriptions"));
        MapSources(app.MapGroup("/api/v1/sources").WithTags("Sources"));
        MapJobs(app.MapGroup("/api/v1/jobs").WithTags("Jobs"));
        MapWorkers(app.MapGroup("/api/v1/workers").WithTags("Workers"));
        MapQueues(app.MapGroup("/api/v1/queues").WithTags("Queues"));
        MapSchedules(app.MapGroup("/api/v1/schedules").WithTags("Schedules"));
        MapOperation(app);
        MapHealth(app);
        MapDashboard(app);
        return app;
    }

    private static void MapShortRoutes(WebApplication app)
    {
        var routes = app.MapGroup("").WithTags("Short routes");
        routes.MapPost("/add", (HttpContext context, AddRoute add, string? topic) => add.AddAsync(context, topic ?? AddRoute.DefaultTopic))
            .Takes("One JSON object.").Gives<AddedAnswer>(201).Fails(400, 409, 413, 415, 503, 507)
            .WithSummary("Adds one item").WithDescription("Appends one JSON object to a topic, once per key and window. The header Idempotency-Key may give the key.");
        routes.MapGet("/fetch", (HttpContext context, FetchRoutes fetch, string? topic, string? subscription, string? lease) => fetch.FetchOneAsync(context))
            .Gives<OneDeliveryAnswer>(200).Fails(400, 409)
            .WithSummary("Takes one item").WithDescription("Takes one item and acknowledges it at once; with lease=SECONDS it is leased instead and the answer holds its token.");
    }

    private static void MapTopics(RouteGroupBuilder topics)
    {
        topics.MapGet("", (TopicRoutes routes, CancellationToken cancellationToken) => routes.ListAsync(cancellationToken))
            .Gives<TopicsAnswer>(200).WithSummary("Lists the topics");
        topics.MapPut("{topic}", (HttpContext context, TopicRoutes routes, string topic) => routes.PutAsync(context, topic))
            .Accepts<TopicSettingsBody>(isOptional: true, "application/json").Gives<TopicAnswer>(200, 201).Fails(400)
            .WithSummary("Creates a topic or changes its settings");
        topics.MapGet("{topic}", (TopicRoutes routes, string topic, CancellationToken cancellationToken) => routes.GetAsync(topic, cancellationToken))
            .Gives<TopicAnswer>(200).Fails(404).WithSummary("Shows a topic");
        topics.MapDelete("{topic}", (TopicRoutes routes, string topic, CancellationToken cancellationToken) => routes.DeleteAsync(topic, cancellationToken))
            .Produces(204).Fails(404).WithSummary("Deletes a topic with its items and subscriptions");
        topics.MapPost("{topic}/items", (HttpContext context, BulkRoute bulk, string topic) => bulk.AppendAsync(context, topic))
            .Takes("One object, an array, NDJSON (application/x-ndjson, any length), or CloudEvents.").Gives<BulkAnswer>(200).Gives<AddedAnswer>(201).Fails(400, 409, 413, 415, 503, 507)
            .WithSummary("Adds items").WithDescription("One object is answered as by /add; many are answered with counts and the first errors with their line.");
        topics.MapGet("{topic}/items", (HttpContext context, ItemRoutes items, string topic, string? after, string? before, string? limit, string? q) => items.ReadAsync(context, topic))
            .Gives<ItemsAnswer>(200).Fails(400, 404)
            .WithSummary("Reads the log").WithDescription("Upwards from after, or the newest before an id (or before=latest). With q only items that contain the text; scannedTo is where to go on, null at the end.");
        topics.MapGet("{topic}/events", (HttpContext context, ItemRoutes items, string topic, string? after) => items.FollowAsync(context, topic))
            .Produces(200, contentType: "text/event-stream").Fails(400, 404, 429)
            .WithSummary("Follows the log as server-sent events").WithDescription("Resumable by Last-Event-ID or after. Without either only new items come.");
    }

    private static void MapSubscriptions(RouteGroupBuilder subscriptions)
    {
        subscriptions.MapGet("", (SubscriptionRoutes routes, string topic, CancellationToken cancellationToken) => routes.ListAsync(topic, cancellationToken))
            .Gives<SubscriptionsAnswer>(200).Fails(404).WithSummary("Lists a topic's subscriptions");
        subscriptions.MapPut("{subscription}", (HttpContext context, SubscriptionRoutes routes, string topic, string subscription) => routes.PutAsync(context, topic, subscription))
            .Accepts<SubscriptionBody>(isOptional: true, "application/json").Gives<SubscriptionAnswer>(200, 201).Fails(400, 404)
            .WithSummary("Creates a subscription or changes its settings")
            .WithDescription("With a destination, for example {\"kind\":\"rabbitmq\",\"queue\":\"Apartment_ads\"}, Databus pushes the items there; null removes it. What is left out stays.");
        subscriptions.MapGet("{subscription}", (SubscriptionRoutes routes, string topic, string subscription, CancellationToken cancellationToken) => routes.GetAsync(topic, subscription, cancellationToken))
            .Gives<SubscriptionAnswer>(200).Fails(404).WithSummary("Shows a subscription");
        subscriptions.MapDelete("{subscription}", (SubscriptionRoutes routes, string topic, string subscription, CancellationToken cancellationToken) => routes.DeleteAsync(topic, subscription, cancellationToken))
            .Produces(204).Fails(404).WithSummary("Deletes a subscription");
        subscriptions.MapPost("{subscription}/fetch", (HttpContext context, FetchRoutes routes, string topic, string subscription) => routes.FetchAsync(context, topic, subscription))
            .Accepts<FetchBody>(isOptional: true, "application/json").Gives<DeliveriesAnswer>(200).Fails(400, 409, 429)
            .WithSummary("Leases items").WithDescription("Waits up to waitSeconds for something to come. A subscription not yet known starts at the oldest item kept. One that pushes is refused unless it is paused.");
        subscriptions.MapPost("{subscription}/ack", (HttpContext context, FetchRoutes routes, string topic, string subscription) => routes.AcknowledgeAsync(context, topic, subscription))
            .Accepts<TokensBody>("application/json").Gives<AckAnswer>(200).Fails(400, 404).WithSummary("Acknowledges deliveries");
        subscriptions.MapPost("{subscription}/nack", (HttpContext context, FetchRoutes routes, string topic, string subscription) => routes.NegativeAcknowledgeAsync(context, topic, subscription))
            .Accepts<NackBody>("application/json").Gives<NackAnswer>(200).Fails(400, 404).WithSummary("Returns deliveries, to be made again after a delay");
        subscriptions.MapPost("{subscription}/extend", (HttpContext context, FetchRoutes routes, string topic, string subscription) => routes.ExtendAsync(context, topic, subscription))
            .Accepts<ExtendBody>("application/json").Gives<ExtendAnswer>(200).Fails(400, 404).WithSummary("Extends leases");
        subscriptions.MapPost("{subscription}/rewind", (HttpContext context, SubscriptionRoutes routes, string topic, string subscription) => routes.RewindAsync(context, topic, subscription))
            .Accepts<RewindBody>("application/json").Gives<SubscriptionAnswer>(200).Fails(400, 404).WithSummary("Sets the position");
        subscriptions.MapGet("{subscription}/dead", (HttpContext context, SubscriptionRoutes routes, string topic, string subscription, string? after, string? limit) => routes.ListDeadAsync(context, topic, subscription))
            .Gives<DeadLettersAnswer>(200).Fails(400, 404).WithSummary("Lists dead letters");
        subscriptions.MapPost("{subscription}/dead/replay", (HttpContext context, SubscriptionRoutes routes, string topic, string subscription) => routes.ReplayAsync(context, topic, subscription))
            .Accepts<DeadBody>(isOptional: true, "application/json").Gives<ReplayAnswer>(200).Fails(400, 404).WithSummary("Delivers dead letters again");
        subscriptions.MapPost("{subscription}/dead/discard", (HttpContext context, SubscriptionRoutes routes, string topic, string subscription) => routes.DiscardAsync(context, topic, subscription))
            .Accepts<DeadBody>(isOptional: true, "application/json").Gives<DiscardAnswer>(200).Fails(400, 404).WithSummary("Removes dead letters for good");
    }

    private static void MapSources(RouteGroupBuilder sources)
    {
        sources.MapGet("", (SourceRoutes routes, CancellationToken cancellationToken) => routes.ListAsync(cancellationToken))
            .Gives<SourcesAnswer>(200).WithSummary("Lists the sources");
        sources.MapPut("{source}", (HttpContext context, SourceRoutes routes, string source) => routes.PutAsync(context, source))
            .Accepts<SourceBody>("application/json").Gives<SourceAnswer>(200, 201).Fails(400).WithSummary("Creates a source or changes it");
        sources.MapGet("{source}", (SourceRoutes routes, string source, CancellationToken cancellationToken) => routes.GetAsync(source, cancellationToken))
            .Gives<SourceAnswer>(200).Fails(404).WithSummary("Shows a source");
        sources.MapDelete("{source}", (SourceRoutes routes, string source, CancellationToken cancellationToken) => routes.DeleteAsync(source, cancellationToken))
            .Produces(204).Fails(404).WithSummary("Deletes a source; its items stay");
        sources.MapPost("{source}/poll", (SourceRoutes routes, string source, CancellationToken cancellationToken) => routes.PollAsync(source, cancellationToken))
            .Produces(202).Fails(404).WithSummary("Polls a source as soon as possible");
    }

    private static void MapJobs(RouteGroupBuilder jobs)
    {
        jobs.MapPost("{name}", (
                HttpContext context, EnqueueRoutes routes, string name, string? queue, string? priority, string? delaySeconds, string? dueAt, string? expiresSeconds,
                string? maxAttempts, string? uniqueKey, string? uniqueSeconds, string? keepSeconds, string? after, string? afterAnyEnd,
                string? limitKey, string? maxRunning, string? maxStarts, string? perSeconds) => routes.EnqueueAsync(context, name))
            .Takes("The job's arguments: any JSON value. An empty body is an object without members.").Gives<JobAnswer>(202).Fails(400, 409, 413, 415, 503, 507)
            .WithSummary("Enqueues a job").WithDescription("after holds ids, separated by commas. A name that nobody handles yet is taken: its worker may come later.");
        jobs.MapPost("", (HttpContext context, EnqueueRoutes routes) => routes.EnqueueManyAsync(context))
            .Accepts<NewJobBody[]>("application/json").Gives<EnqueuedManyAnswer>(200).Fails(400, 413, 415, 503, 507)
            .WithSummary("Enqueues jobs, all or none").WithDescription("In after, #0 is the first job of the same array. One whose unique key is taken is not added, and the id is that of the job that has it.");
        jobs.MapGet("", (
                HttpContext context, JobRoutes routes, string? state, string? queue, string? name, string? q, string? enqueuedAfter, string? enqueuedBefore,
                string? olderThanSeconds, string? before, string? limit) => routes.ListAsync(context))
            .Gives<JobsAnswer>(200).Fails(400)
            .WithSummary("Lists jobs, the newest first").WithDescription("state holds one or more, separated by commas; q is a text in the arguments. Polls of sources are listed only where queue or name say so. The next page is before=scannedTo, null at the end.");
        jobs.MapGet("{id}", (HttpContext context, JobRoutes routes, string id, string? wait) => routes.GetAsync(context, id))
            .Gives<JobAnswer>(200, 202).Fails(400, 404, 410, 429)
            .WithSummary("Shows a job").WithDescription("200 when it has ended, 202 before. With wait=SECONDS, up to 30, the answer comes when it ends, or then. 410: no longer kept.");
        jobs.MapGet("{id}/log", (JobRoutes routes, string id, CancellationToken cancellationToken) => routes.ReadLogAsync(id, cancellationToken))
            .Gives<JobLogAnswer>(200).Fails(404, 410).WithSummary("Shows what a job logged");
        jobs.MapPost("{id}/cancel", (JobRoutes routes, string id) => routes.CancelAsync(id))
            .Gives<JobAnswer>(202).Fails(404, 409, 410).WithSummary("Cancels a job").WithDescription("One that runs is asked to stop.");
        jobs.MapPost("{id}/retry", (JobRoutes routes, string id) => routes.RetryAsync(id))
            .Gives<JobAnswer>(202).Fails(404, 409, 410).WithSummary("Lets a job wait again that failed, was cancelled or expired");
        jobs.MapDelete("{id}", (JobRoutes routes, string id) => routes.DeleteAsync(id))
            .Produces(204).Fails(404, 409, 410).WithSummary("Deletes a job that does not run");
        const string Goes = "Goes on in steps for up to 5 seconds. Where scannedTo is not null there is more to do: ask again with it as before.";
        jobs.MapPost("bulk/cancel", (HttpContext context, JobBulkRoutes routes) => routes.CancelAsync(context))
            .Accepts<BulkBody>("application/json").Gives<BulkJobsAnswer>(200).Fails(400).WithSummary("Cancels all jobs that a filter matches").WithDescription(Goes);
        jobs.MapPost("bulk/retry", (HttpContext context, JobBulkRoutes routes) => routes.RetryAsync(context))
            .Accepts<BulkBody>("application/json").Gives<BulkJobsAnswer>(200).Fails(400).WithSummary("Retries all jobs that a filter matches").WithDescription(Goes);
        jobs.MapPost("bulk/delete", (HttpContext context, JobBulkRoutes routes) => routes.DeleteAsync(context))
            .Accepts<BulkBody>("application/json").Gives<BulkJobsAnswer>(200).Fails(400).WithSummary("Deletes all jobs that a filter matches").WithDescription(Goes);
    }

    private static void MapWorkers(RouteGroupBuilder workers)
    {
        workers.MapPost("claim", (HttpContext context, WorkerRoutes routes) => routes.ClaimAsync(context))
            .Accepts<ClaimBody>("application/json").Gives<ClaimedJobsAnswer>(200).Fails(400, 429)
            .WithSummary("Claims jobs to run").WithDescription("Waits up to waitSeconds for something to come. A job whose lease ends before it is renewed or completed starts elsewhere.");
        workers.MapPost("renew", (HttpContext context, WorkerRoutes routes) => routes.RenewAsync(context))
            .Accepts<RenewBody>("application/json").Gives<RenewedAnswer>(200).Fails(400)
            .WithSummary("Renews leases").WithDescription("Of what is lost nothing may be said any more; what is in cancelRequested shall stop.");
        workers.MapPost("report", (HttpContext context, WorkerRoutes routes) => routes.ReportAsync(context))
            .Accepts<ReportBody>("application/json").Gives<RenewedAnswer>(200).Fails(400).WithSummary("Says how far a job is, and adds to its log");
        workers.MapPost("complete", (HttpContext context, WorkerRoutes routes) => routes.CompleteAsync(context))
            .Accepts<CompleteBody>("application/json").Gives<CompletedAnswer>(200).Fails(400, 413)
            .WithSummary("Ends starts of jobs").WithDescription("succeeded with a result; failed is tried again, hopeless is not; cancelled as it was asked to; returned uses up no attempt.");
    }

    private static void MapQueues(RouteGroupBuilder queues)
    {
        queues.MapGet("", (QueueRoutes routes, CancellationToken cancellationToken) => routes.ListAsync(cancellationToken))
            .Gives<QueuesAnswer>(200).WithSummary("Lists the queues");
        queues.MapPut("{queue}", (HttpContext context, QueueRoutes routes, string queue) => routes.PutAsync(context, queue))
            .Accepts<QueueBody>("application/json").Gives<QueueAnswer>(200).Fails(400)
            .WithSummary("Pauses or resumes a queue, and limits what its jobs do together").WithDescription("What is left out stays; 0 is no limit.");
    }

    private static void MapSchedules(RouteGroupBuilder schedules)
    {
        schedules.MapGet("", (ScheduleRoutes routes, CancellationToken cancellationToken) => routes.ListAsync(cancellationToken))
            .Gives<SchedulesAnswer>(200).WithSummary("Lists the schedules");
        schedules.MapPut("{schedule}", (HttpContext context, ScheduleRoutes routes, string schedule) => routes.PutAsync(context, schedule))
            .Accepts<ScheduleBody>("application/json").Gives<ScheduleAnswer>(200, 201).Fails(400)
            .WithSummary("Creates a schedule or changes it").WithDescription("With everySeconds, or cron and an IANA zone. What is left out stays.");
        schedules.MapGet("{schedule}", (ScheduleRoutes routes, string schedule, CancellationToken cancellationToken) => routes.GetAsync(schedule, cancellationToken))
            .Gives<ScheduleAnswer>(200).Fails(404).WithSummary("Shows a schedule");
        schedules.MapDelete("{schedule}", (ScheduleRoutes routes, string schedule, CancellationToken cancellationToken) => routes.DeleteAsync(schedule, cancellationToken))
            .Produces(204).Fails(404).WithSummary("Deletes a schedule; its jobs stay");
        schedules.MapPost("{schedule}/run", (ScheduleRoutes routes, string schedule) => routes.RunAsync(schedule))
            .Gives<JobAnswer>(202).Fails(404).WithSummary("Enqueues a schedule's job at once, beside its ticks");
        schedules.MapGet("{schedule}/preview", (HttpContext context, ScheduleRoutes routes, string schedule, string? count) => routes.PreviewAsync(context, schedule))
            .Gives<PreviewAnswer>(200).Fails(400, 404).WithSummary("Shows the next ticks of a schedule");
        schedules.MapPost("preview", (HttpContext context, ScheduleRoutes routes) => routes.TryAsync(context))
            .Accepts<PreviewBody>("application/json").Gives<PreviewAnswer>(200).Fails(400).WithSummary("Shows the ticks that a rule would have");
    }

    private static void MapOperation(WebApplication app)
    {
        var api = app.MapGroup("/api/v1").WithTags("Operation");
        api.MapGet("overview", (OperationRoutes routes, CancellationToken cancellationToken) => routes.OverviewAsync(cancellationToken))
            .Gives<OverviewAnswer>(200).WithSummary("What is late, stuck or lost, at a glance");
        api.MapGet("nodes", (NodeRoutes routes, CancellationToken cancellationToken) => routes.ListAsync(cancellationToken))
            .Gives<NodesAnswer>(200).WithSummary("Lists the nodes: the processes that work on this store");
        api.MapGet("subscriptions", (SubscriptionRoutes routes, CancellationToken cancellationToken) => routes.ListAllAsync(cancellationToken))
            .Gives<SubscriptionsAnswer>(200).WithSummary("Lists all subscriptions");
        api.MapGet("tokens", (AccessTokenRoutes routes, CancellationToken cancellationToken) => routes.ListAsync(cancellationToken))
            .Gives<AccessTokensAnswer>(200).WithSummary("Lists the access tokens");
        api.MapPost("tokens", (HttpContext context, AccessTokenRoutes routes) => routes.CreateAsync(context))
            .Accepts<AccessTokenBody>("application/json").Gives<AccessTokenAnswer>(201).Fails(400, 409).WithSummary("Creates an access token");
        api.MapDelete("tokens/{token}", (AccessTokenRoutes routes, string token, CancellationToken cancellationToken) => routes.DeleteAsync(token, cancellationToken))
            .Produces(204).Fails(404).WithSummary("Deletes an access token");
        app.MapOpenApi("/openapi/v1.json");
    }

    private static void MapHealth(WebApplication app)
    {
        var health = app.MapGroup("/health").WithTags("Operation");
        health.MapGet("live", OperationRoutes.Live).Gives<HealthAnswer>(200).WithSummary("The process runs");
        health.MapGet("ready", (OperationRoutes routes, CancellationToken cancellationToken) => routes.ReadyAsync(cancellationToken))
            .Gives<HealthAnswer>(200).Fails(503).WithSummary("Requests are welcome");
    }

    private static Task RefuseWithoutApi(HttpContext context, RequestDelegate next) => context.GetEndpoint() is null
        ? new Problem(404, "no-api", "No API here", "This node has no role api. Ask a node that has it.").ExecuteAsync(context)
        : next(context);

    /// <summary>The page's own addresses all answer with the one page; what looks like a file or an API is not among them.</summary>
    private static void MapDashboard(WebApplication app)
    {
        var files = app.Services.GetRequiredService<DashboardFiles>();
        app.UseStaticFiles(new StaticFileOptions
        {
            FileProvider = files,
            OnPrepareResponse = static response => response.Context.Response.Headers.CacheControl =
                response.Context.Request.Path.StartsWithSegments("/assets", StringComparison.Ordinal) ? "public, max-age=31536000, immutable" : "no-cache",
        });

        // Not a fallback route: that would match in place of the answer that a method is not allowed.
        app.Use(async (context, next) =>
        {
            if (context.GetEndpoint() is not null || !IsPage(context.Request) || files.GetFileInfo("index.html") is not { Exists: true } page)
            {
                await next(context);
                return;
            }

            context.Response.ContentType = "text/html; charset=utf-8";
            context.Response.Headers.CacheControl = "no-cache";
            if (HttpMethods.IsHead(context.Request.Method))
                return;
            await using var stream = page.CreateReadStream();
            await stream.CopyToAsync(context.Response.Body, context.RequestAborted);
        });
    }

    /// <summary>A name in an address may have dots, so a file is told from a page by what the browser asks for.</summary>
    private static bool IsPage(HttpRequest request) =>
        (HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method))
        && !Paths.IsApi(request.Path)
        && !request.Path.StartsWithSegments("/health", StringComparison.OrdinalIgnoreCase)
        && !request.Path.StartsWithSegments("/assets", StringComparison.OrdinalIgnoreCase)
        && (!Path.HasExtension(request.Path) || request.Headers.Accept.ToString().Contains("text/html", StringComparison.OrdinalIgnoreCase));
}
