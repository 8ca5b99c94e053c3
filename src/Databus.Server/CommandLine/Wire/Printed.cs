using System.Text.Json;
using Databus.Server.CommandLine.Input;

namespace Databus.Server.CommandLine.Wire;

/// <summary>What <c>add --json</c> prints.</summary>
internal sealed record PrintedAdd(
    string Topic,
    long Added,
    long Duplicates,
    long Invalid,
    IReadOnlyList<InvalidLine> Errors,
    double Seconds,
    bool Complete);

/// <summary>A line of <c>fetch --envelope</c>.</summary>
internal sealed record PrintedDelivery(string Id, int Attempt, DateTimeOffset? AddedAt, string Token, JsonElement Content);

/// <summary>What a command prints with <c>--json</c> when the server answers nothing but success.</summary>
internal sealed record PrintedName(string? Deleted = null, string? Polled = null);

/// <summary>What <c>doctor --json</c> prints.</summary>
internal sealed record PrintedDoctor(bool Healthy, IReadOnlyList<DoctorCheck> Checks);

/// <summary>What <c>dead list --json</c> prints.</summary>
internal sealed record PrintedDead(IReadOnlyList<DeadLetter> Dead);

/// <summary>What <c>jobs list --json</c> prints.</summary>
internal sealed record PrintedJobs(IReadOnlyList<JsonElement> Jobs);

/// <summary>What <c>jobs cancel</c>, <c>retry</c> and <c>delete</c> print with <c>--json</c> when they change many.</summary>
internal sealed record PrintedChange(long Changed);
