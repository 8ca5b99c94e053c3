namespace Databus.Storage;

/// <summary>How much a finding matters.</summary>
public enum FindingLevel
{
    /// <summary>As it should be.</summary>
    Sound,

    /// <summary>Works, but somebody should look.</summary>
    Doubtful,

    /// <summary>Broken.</summary>
    Broken,
}

/// <summary>One thing about a store that was examined, and what was found, in a sentence.</summary>
public sealed record Finding(string Subject, FindingLevel Level, string Sentence);
