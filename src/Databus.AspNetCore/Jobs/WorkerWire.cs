using System.Text.Json;
using System.Text.Json.Nodes;

namespace Databus.AspNetCore.Jobs;

/// <summary>What a worker asks for.</summary>
/// <param name="Worker">What people call it.</param>
/// <param name="Queues">Left out: all of them.</param>
/// <param name="Names">Left out: jobs of any name.</param>
internal sealed record ClaimBody(string? Worker, string[]? Queues, string[]? Names, int? Max, double? LeaseSeconds, double? WaitSeconds);

internal sealed record RenewBody(string[]? Tokens, double? LeaseSeconds);

/// <summary>What a job says while it runs; what is left out stays as it was.</summary>
/// <param name="Progress">From 0 to 1.</param>
internal sealed record ReportBody(string? Token, double? Progress, string? Message, JobLogLineBody[]? Lines);

/// <summary>A line for a job's log.</summary>
/// <param name="Level">trace, debug, info, warning, error or critical; info when left out.</param>
internal sealed record JobLogLineBody(string? Level, string? Text);

internal sealed record CompleteBody(JobCompletionBody[]? Completions);

/// <summary>How a start of a job ended.</summary>
/// <param name="Outcome">succeeded, failed, hopeless, cancelled or returned.</param>
/// <param name="Result">Any JSON; of a success.</param>
/// <param name="DelaySeconds">Until the next start, of what failed or is returned. Left out: of what failed longer each time.</param>
internal sealed record JobCompletionBody(string? Token, string? Outcome, JsonElement Result, string? Error, double? DelaySeconds);

internal sealed record RenewedAnswer(int Renewed, IEnumerable<string> Lost, IEnumerable<string> CancelRequested);

internal sealed record CompletedAnswer(int Completed, IEnumerable<string> Lost);

// The shapes of answers that are written by hand, for the OpenAPI document.

internal sealed record ClaimedJobAnswer(
    string Id, string Token, string Name, string Queue, JsonNode Arguments, int Attempt, int MaxAttempts, DateTimeOffset EnqueuedAt);

internal sealed record ClaimedJobsAnswer(IReadOnlyList<ClaimedJobAnswer> Jobs);
