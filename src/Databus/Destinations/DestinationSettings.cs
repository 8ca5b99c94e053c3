namespace Databus.Destinations;

/// <summary>Where a subscription pushes to.</summary>
/// <param name="Kind">The kind of destination, for example <c>rabbitmq</c>.</param>
/// <param name="Configuration">One JSON object that the kind understands. Without secrets: those are configuration of the process.</param>
public sealed record DestinationSettings(string Kind, string Configuration)
{
    /// <summary>No destination.</summary>
    public static readonly DestinationSettings None = new("none", "{}");
}
