namespace Databus.Jobs;

/// <summary>Within a queue a higher priority goes first, and within a priority the older job. The numbers are stored.</summary>
public enum JobPriority
{
    Low = 0,
    Normal = 1,
    High = 2,
}
