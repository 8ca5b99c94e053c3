using Databus.Server.CommandLine;
using Databus.Storage;

namespace Databus.Server.Serving;

/// <summary>What a store's doctor found, in the words of the command line.</summary>
internal static class Findings
{
    public static IReadOnlyList<DoctorCheck> Of(IEnumerable<Finding> findings) =>
        [.. findings.Select(finding => new DoctorCheck(finding.Subject, Verdict(finding.Level), finding.Sentence))];

    private static DoctorVerdict Verdict(FindingLevel level) => level switch
    {
        FindingLevel.Sound => DoctorVerdict.Ok,
        FindingLevel.Doubtful => DoctorVerdict.Warning,
        _ => DoctorVerdict.Failed,
    };
}
