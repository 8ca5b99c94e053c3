using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Databus.Server.CommandLine.Input;

namespace Databus.Server.CommandLine.Wire;

/// <summary>
/// Everything the command line reads and writes as JSON, without reflection. Members unknown here are ignored, so that a
/// newer server can be talked to; lists are required, so that another program's answer is told from an empty one.
/// </summary>
[JsonSourceGenerationOptions(
    JsonSerializerDefaults.Web,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true,
    UseStringEnumConverter = true)]
[JsonSerializable(typeof(Topic))]
[JsonSerializable(typeof(TopicList))]
[JsonSerializable(typeof(Subscription))]
[JsonSerializable(typeof(SubscriptionList))]
[JsonSerializable(typeof(DeadLetterList))]
[JsonSerializable(typeof(DeadLetterChoice))]
[JsonSerializable(typeof(DeadLetterResult))]
[JsonSerializable(typeof(Source))]
[JsonSerializable(typeof(SourceList))]
[JsonSerializable(typeof(SourceSettings))]
[JsonSerializable(typeof(NodeList))]
[JsonSerializable(typeof(Job))]
[JsonSerializable(typeof(JobList))]
[JsonSerializable(typeof(JobLog))]
[JsonSerializable(typeof(BulkResult))]
[JsonSerializable(typeof(Queue))]
[JsonSerializable(typeof(QueueList))]
[JsonSerializable(typeof(Schedule))]
[JsonSerializable(typeof(ScheduleList))]
[JsonSerializable(typeof(TickList))]
[JsonSerializable(typeof(FetchRequest))]
[JsonSerializable(typeof(DeliveryList))]
[JsonSerializable(typeof(AcknowledgeRequest))]
[JsonSerializable(typeof(AcknowledgeResult))]
[JsonSerializable(typeof(AppendResult))]
[JsonSerializable(typeof(Problem))]
[JsonSerializable(typeof(TokenName))]
[JsonSerializable(typeof(TokenList))]
[JsonSerializable(typeof(CreatedToken))]
[JsonSerializable(typeof(BackupReport))]
[JsonSerializable(typeof(Progress))]
[JsonSerializable(typeof(PrintedAdd))]
[JsonSerializable(typeof(PrintedDelivery))]
[JsonSerializable(typeof(PrintedName))]
[JsonSerializable(typeof(PrintedDoctor))]
[JsonSerializable(typeof(PrintedDead))]
[JsonSerializable(typeof(PrintedJobs))]
[JsonSerializable(typeof(PrintedChange))]
[JsonSerializable(typeof(JsonElement))]
[JsonSerializable(typeof(JsonObject))]
internal sealed partial class WireJson : JsonSerializerContext
{
    /// <summary>
    /// As <c>Default</c>, but letters stay letters: what is printed is read by people and by JSON parsers, never by a
    /// browser. Control characters are escaped all the same.
    /// </summary>
    public static WireJson Plain => PlainContext.Instance;

    // Apart, because it needs Default, which the generated half of this class initialises.
    private static class PlainContext
    {
        public static readonly WireJson Instance = new(new JsonSerializerOptions(Default.Options)
        {
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        });
    }
}
