using Databus.Jobs;

namespace Databus.AspNetCore.Jobs;

/// <summary>States, priorities, outcomes and levels as they are written.</summary>
internal static class JobWords
{
    private static readonly (JobState Value, string Word)[] States =
    [
        (JobState.Waiting, "waiting"),
        (JobState.Delayed, "delayed"),
        (JobState.Held, "held"),
        (JobState.Blocked, "blocked"),
        (JobState.Running, "running"),
        (JobState.Succeeded, "succeeded"),
        (JobState.Failed, "failed"),
        (JobState.Cancelled, "cancelled"),
        (JobState.Expired, "expired"),
    ];

    private static readonly (JobPriority Value, string Word)[] Priorities =
    [
        (JobPriority.Low, "low"),
        (JobPriority.Normal, "normal"),
        (JobPriority.High, "high"),
    ];

    private static readonly (JobOutcome Value, string Word)[] Outcomes =
    [
        (JobOutcome.Succeeded, "succeeded"),
        (JobOutcome.Failed, "failed"),
        (JobOutcome.Hopeless, "hopeless"),
        (JobOutcome.Cancelled, "cancelled"),
        (JobOutcome.Returned, "returned"),
    ];

    /// <summary>As Microsoft.Extensions.Logging numbers them.</summary>
    private static readonly (int Value, string Word)[] Levels =
    [
        (0, "trace"),
        (1, "debug"),
        (2, "info"),
        (3, "warning"),
        (4, "error"),
        (5, "critical"),
    ];

    public static string StateWords { get; } = All(States);

    public static string PriorityWords { get; } = All(Priorities);

    public static string OutcomeWords { get; } = All(Outcomes);

    public static string LevelWords { get; } = All(Levels);

    public static string Word(this JobState state) => Word(States, state);

    public static string Word(this JobPriority priority) => Word(Priorities, priority);

    public static string LevelWord(int level) => Word(Levels, Math.Clamp(level, 0, Levels.Length - 1));

    public static bool TryRead(string? word, out JobState state) => TryRead(States, word, out state);

    public static bool TryRead(string? word, out JobPriority priority) => TryRead(Priorities, word, out priority);

    public static bool TryRead(string? word, out JobOutcome outcome) => TryRead(Outcomes, word, out outcome);

    public static bool TryReadLevel(string? word, out int level) => TryRead(Levels, word, out level);

    private static string All<T>((T Value, string Word)[] known) => string.Join(", ", known.Select(pair => pair.Word));

    private static string Word<T>((T Value, string Word)[] known, T value)
        where T : struct =>
        Array.Find(known, pair => EqualityComparer<T>.Default.Equals(pair.Value, value)).Word;

    private static bool TryRead<T>((T Value, string Word)[] known, string? word, out T value)
    {
        var at = Array.FindIndex(known, pair => pair.Word == word);
        value = at < 0 ? default! : known[at].Value;
        return at >= 0;
    }
}
