using System.Text.Json.Serialization;

namespace Databus.Sources;

/// <summary>
/// The job that polls a source once. <see cref="SourcePlanner"/> enqueues it when the source is due, once at a time; nodes that
/// collect run it, and nobody else does.
/// </summary>
/// <param name="Source">The source's name.</param>
public sealed record PollSource(string Source)
{
    public const string JobName = "poll-source";

    /// <summary>The queue that only nodes with the collector's role run, beside whatever else runs there.</summary>
    public const string Queue = "sources";

    /// <summary>How many of them run on a node at once; they take no room from other jobs, nor those from them.</summary>
    internal const int MostAtOnce = 4;

    /// <summary>The longest that reading a source may take. What takes longer has failed.</summary>
    public static TimeSpan LongestRead { get; } = TimeSpan.FromSeconds(90);

    /// <summary>Reading and appending take no longer; what does is stuck.</summary>
    internal static TimeSpan TimeLimit { get; } = TimeSpan.FromMinutes(2);

    internal static TimeSpan KeptFor { get; } = TimeSpan.FromDays(1);

    /// <summary>Under which a source's poll is unique among all jobs, as stores know it.</summary>
    public static string KeyPrefix => $"{JobName}:";
}

/// <summary>How a poll went that did not fail.</summary>
/// <param name="Outcome"><c>read</c>, <c>not-modified</c>, or <c>not-due</c>: there was nothing to do any more.</param>
/// <param name="Found">How many items the source listed.</param>
/// <param name="Added">How many of them were new.</param>
/// <param name="Reason">Why there was nothing to do.</param>
public sealed record PollSourceResult(string Outcome, int? Found = null, int? Added = null, string? Reason = null);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(PollSource))]
[JsonSerializable(typeof(PollSourceResult))]
internal sealed partial class PollSourceJson : JsonSerializerContext;
