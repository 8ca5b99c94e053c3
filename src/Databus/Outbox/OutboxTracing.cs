using System.Diagnostics;
using Databus.Nodes;

namespace Databus.Outbox;

/// <summary>The spans of the outbox, of the activity source <c>Databus</c>: one for each call of a sender.</summary>
internal static class OutboxTracing
{
    private static readonly ActivitySource Source = new("Databus", NodeHeart.Version);

    /// <summary>The trace to be joined by what is recorded now; null: there is none.</summary>
    public static string? TraceParent => Activity.Current is { IdFormat: ActivityIdFormat.W3C } current ? current.Id : null;

    /// <summary>One message belongs to the trace of whoever recorded it; many link to theirs.</summary>
    public static Activity? StartSend(string type, IReadOnlyList<ClaimedOutboxMessage> messages, IReadOnlyList<int> places)
    {
        if (!Source.HasListeners())
            return null;
        var contexts = places
            .Select(place => ActivityContext.TryParse(messages[place].TraceParent, traceState: null, isRemote: true, out var context) ? context : default)
            .Where(context => context != default).ToList();
        var activity = places.Count == 1 && contexts.Count == 1
            ? Source.StartActivity($"send {type}", ActivityKind.Producer, contexts[0])
            : Source.StartActivity(
                ActivityKind.Producer, parentContext: default, links: contexts.Select(context => new ActivityLink(context)), name: $"send {type}");
        return activity?.SetTag("databus.outbox.type", type).SetTag("databus.outbox.count", places.Count);
    }

    public static void End(Activity? activity, IEnumerable<OutboxAnswer> answers)
    {
        if (activity is not null && answers.FirstOrDefault(answer => !answer.IsSent) is { Outcome.Reason: { } reason })
            activity.SetStatus(ActivityStatusCode.Error, reason);
    }
}
