namespace Databus.Schedules;

/// <summary>What is wrong with a schedule that somebody wants to have.</summary>
/// <param name="Field">As it is called in JSON, for example <c>everySeconds</c> or <c>job.queue</c>.</param>
/// <param name="Sentence">For people, with the limit.</param>
public sealed record ScheduleMistake(string Field, string Sentence);
