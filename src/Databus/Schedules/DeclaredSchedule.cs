using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Databus.Jobs;

namespace Databus.Schedules;

/// <summary>A schedule that the program itself wants to have.</summary>
/// <param name="Describe">Its settings, once the kinds of jobs are known.</param>
internal sealed record DeclaredSchedule(Func<JobKinds, ScheduleSettings> Describe)
{
    /// <summary>
    /// What stands for a declaration: the same as long as it says the same, on every node. Whether the schedule is paused is
    /// nobody's declaration.
    /// </summary>
    public static string MarkOf(ScheduleSettings declared)
    {
        var (rule, job) = (declared.Rule, ScheduleJson.ToJson(declared.Job));
        var said = string.Create(
            CultureInfo.InvariantCulture,
            $"{rule.Every?.Ticks}\n{rule.Cron}\n{rule.Zone}\n{declared.CatchUp}\n{declared.CatchUpLimit}\n{declared.Overlap}\n{declared.Jitter.Ticks}\n{job}");
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(said)));
    }
}
