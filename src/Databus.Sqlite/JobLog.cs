using Databus.Jobs;
using Databus.Storage;

namespace Databus.Sqlite;

internal static class JobLog
{
    private const int LongestLine = 2000;
    private const int MostLines = 1000;

    public static void Append(WriteSession session, long job, IReadOnlyList<JobLogLine> lines)
    {
        if (lines.Count == 0)
            return;
        var last = session.Connection["SELECT max(line_id) FROM job_log WHERE job_id = $job"].Value(job) as long? ?? 0;
        foreach (var line in lines.Skip(lines.Count - MostLines))
        {
            session.Connection[
                "INSERT INTO job_log (job_id, line_id, at, attempt, level, line) VALUES ($job, $line, $at, $attempt, $level, $text)"].Run(
                job, ++last, line.At.ToColumn(), line.Attempt, line.Level, Cut(line.Text));
        }

        session.Connection["DELETE FROM job_log WHERE job_id = $job AND line_id <= $last"].Run(job, last - MostLines);
    }

    public static IReadOnlyList<JobLogLine> Read(Connection connection, long job, int limit)
    {
        using var rows = connection["SELECT at, attempt, level, line FROM job_log WHERE job_id = $job ORDER BY line_id DESC LIMIT $limit"].Rows(job, limit);
        var lines = new List<JobLogLine>();
        while (rows.Read())
            lines.Add(new JobLogLine(Times.FromColumn(rows.GetInt64(0)), rows.GetInt32(1), rows.GetInt32(2), rows.GetString(3)));
        lines.Reverse();
        return lines;
    }

    /// <summary>Never between the two halves of a character.</summary>
    private static string Cut(string text) => text.Length <= LongestLine ? text : text[..(LongestLine - (char.IsHighSurrogate(text[LongestLine - 1]) ? 1 : 0))];
}
