using System.Text.Json.Serialization;
using Databus.AspNetCore.Access;
using Databus.AspNetCore.Jobs;
using Databus.AspNetCore.Nodes;
using Databus.AspNetCore.Operation;
using Databus.AspNetCore.Schedules;
using Databus.AspNetCore.Sources;
using Databus.AspNetCore.Subscriptions;
using Databus.AspNetCore.Topics;

namespace Databus.AspNetCore;

/// <summary>Everything that goes over the wire as JSON. A member nobody knows is a mistake worth telling.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    Converters = [typeof(TimeConverter)])]
[JsonSerializable(typeof(TopicSettingsBody))]
[JsonSerializable(typeof(TopicAnswer))]
[JsonSerializable(typeof(TopicsAnswer))]
[JsonSerializable(typeof(BulkAnswer))]
[JsonSerializable(typeof(SubscriptionBody))]
[JsonSerializable(typeof(SubscriptionAnswer))]
[JsonSerializable(typeof(SubscriptionsAnswer))]
[JsonSerializable(typeof(FetchBody))]
[JsonSerializable(typeof(TokensBody))]
[JsonSerializable(typeof(NackBody))]
[JsonSerializable(typeof(ExtendBody))]
[JsonSerializable(typeof(RewindBody))]
[JsonSerializable(typeof(DeadBody))]
[JsonSerializable(typeof(AckAnswer))]
[JsonSerializable(typeof(NackAnswer))]
[JsonSerializable(typeof(ExtendAnswer))]
[JsonSerializable(typeof(ReplayAnswer))]
[JsonSerializable(typeof(DiscardAnswer))]
[JsonSerializable(typeof(SourceBody))]
[JsonSerializable(typeof(SourceAnswer))]
[JsonSerializable(typeof(SourcesAnswer))]
[JsonSerializable(typeof(NewJobBody))]
[JsonSerializable(typeof(NewJobBody[]))]
[JsonSerializable(typeof(EnqueuedManyAnswer))]
[JsonSerializable(typeof(BulkBody))]
[JsonSerializable(typeof(BulkJobsAnswer))]
[JsonSerializable(typeof(JobLogAnswer))]
[JsonSerializable(typeof(JobAnswer))]
[JsonSerializable(typeof(JobsAnswer))]
[JsonSerializable(typeof(ClaimBody))]
[JsonSerializable(typeof(RenewBody))]
[JsonSerializable(typeof(ReportBody))]
[JsonSerializable(typeof(CompleteBody))]
[JsonSerializable(typeof(RenewedAnswer))]
[JsonSerializable(typeof(CompletedAnswer))]
[JsonSerializable(typeof(ClaimedJobsAnswer))]
[JsonSerializable(typeof(QueueBody))]
[JsonSerializable(typeof(QueueAnswer))]
[JsonSerializable(typeof(QueuesAnswer))]
[JsonSerializable(typeof(ScheduleBody))]
[JsonSerializable(typeof(ScheduleAnswer))]
[JsonSerializable(typeof(SchedulesAnswer))]
[JsonSerializable(typeof(PreviewBody))]
[JsonSerializable(typeof(PreviewAnswer))]
[JsonSerializable(typeof(AccessTokenBody))]
[JsonSerializable(typeof(AccessTokenAnswer))]
[JsonSerializable(typeof(AccessTokensAnswer))]
[JsonSerializable(typeof(NodesAnswer))]
[JsonSerializable(typeof(OverviewAnswer))]
[JsonSerializable(typeof(HealthAnswer))]
[JsonSerializable(typeof(AddedAnswer))]
[JsonSerializable(typeof(OneDeliveryAnswer))]
[JsonSerializable(typeof(ItemsAnswer))]
[JsonSerializable(typeof(DeliveriesAnswer))]
[JsonSerializable(typeof(DeadLettersAnswer))]
internal sealed partial class WireContext : JsonSerializerContext;
