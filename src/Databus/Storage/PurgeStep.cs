namespace Databus.Storage;

/// <summary>What one step of the purge did.</summary>
/// <param name="Removed">Rows removed by this step.</param>
/// <param name="More">More is known to wait for the next step.</param>
public readonly record struct PurgeStep(int Removed, bool More);
