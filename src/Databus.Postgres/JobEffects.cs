namespace Databus.Postgres;

/// <summary>What others have to hear of once it is committed.</summary>
internal sealed class JobEffects
{
    /// <summary>In place of an id: something will become claimable, or there is room again.</summary>
    public const long Later = long.MaxValue;

    /// <summary>Queues in which something became claimable, or will, each with the smallest id of it.</summary>
    public Dictionary<string, long> Woken { get; } = new(StringComparer.Ordinal);

    /// <summary>Jobs ended, or were asked to.</summary>
    public bool HasEnds { get; set; }

    public void Wake(string queue, long id) => Woken[queue] = Math.Min(id, Woken.GetValueOrDefault(queue, Later));

    public void Add(JobEffects other)
    {
        foreach (var (queue, id) in other.Woken)
            Wake(queue, id);
        HasEnds |= other.HasEnds;
    }
}
