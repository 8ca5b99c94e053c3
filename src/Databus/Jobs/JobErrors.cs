using System.Globalization;

namespace Databus.Jobs;

/// <summary>What stores say, in the job's error, about ends that no worker told them.</summary>
public static class JobErrors
{
    /// <summary>
    /// A job that is lost this often in a row has failed: it kills whoever runs it. The last of them counts only where no other
    /// job can have been the cause.
    /// </summary>
    public const int MostLossesInARow = 4;

    /// <summary>
    /// A job that was lost this often in a row is started alone. Often enough that hardly any is there by accident: those alone go
    /// one after the other, and the last of many starts late.
    /// </summary>
    public const int LossesOfASuspect = MostLossesInARow - 1;

    public const string NotStartedInTime = "It was not started in time.";

    public const string CancelledBeforeItStarted = "It was cancelled before it was started.";

    public const string NoReason = "The worker gave no reason.";

    /// <summary>Its node fell silent.</summary>
    public static string Silent(string owner) => $"Its worker {owner} was not heard of any more.";

    /// <summary>The lease of its own ended.</summary>
    public static string LeaseEnded(string owner) => $"Its lease ended without a word from its worker {owner}.";

    /// <summary>Lost too often in a row.</summary>
    /// <param name="lastLoss">As <see cref="Silent"/> or <see cref="LeaseEnded"/> say it.</param>
    public static string LostTooOften(string lastLoss) => string.Create(
        CultureInfo.InvariantCulture, $"It was lost {MostLossesInARow} times in a row, so it may be what ends its workers. {lastLoss}");

    /// <summary>A job that it comes after did not succeed.</summary>
    public static string PredecessorDidNotSucceed(long predecessor) =>
        string.Create(CultureInfo.InvariantCulture, $"Job {predecessor}, which it comes after, did not succeed.");
}
