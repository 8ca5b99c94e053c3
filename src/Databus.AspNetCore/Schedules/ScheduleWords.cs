using Databus.Schedules;

namespace Databus.AspNetCore.Schedules;

/// <summary>What a schedule does about missed ticks and overlaps, as it is written.</summary>
internal static class ScheduleWords
{
    public const string CatchUps = "none, latest, all";
    public const string Overlaps = "skip, queue, cancelOld, allow";

    public static string Word(this CatchUp catchUp) => catchUp switch
    {
        CatchUp.None => "none",
        CatchUp.Latest => "latest",
        _ => "all",
    };

    public static string Word(this Overlap overlap) => overlap switch
    {
        Overlap.Skip => "skip",
        Overlap.Queue => "queue",
        Overlap.CancelOld => "cancelOld",
        _ => "allow",
    };

    /// <summary>Null: there is no such word.</summary>
    public static CatchUp? ReadCatchUp(string word) => word switch
    {
        "none" => CatchUp.None,
        "latest" => CatchUp.Latest,
        "all" => CatchUp.All,
        _ => null,
    };

    /// <inheritdoc cref="ReadCatchUp"/>
    public static Overlap? ReadOverlap(string word) => word switch
    {
        "skip" => Overlap.Skip,
        "queue" => Overlap.Queue,
        "cancelOld" => Overlap.CancelOld,
        "allow" => Overlap.Allow,
        _ => null,
    };
}
