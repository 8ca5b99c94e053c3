using Databus.Json;

namespace Databus.Topics;

/// <summary>
/// Facts about keys that nodes share with one another, outside the store. It may be slow, empty, forgetful or gone:
/// then the store is asked, as if there were none. What it holds it must give back as it was told; when a fact ends is
/// for whoever asks to judge.
/// </summary>
public interface ISharedKeys
{
    /// <summary>
    /// What is known about these keys: one fact for each, in their order, <c>default</c> where there is none; or
    /// nothing at all where none is known. Never throws, and gives up after some hundredths of a second.
    /// </summary>
    /// <param name="generation">Which history of the data the facts have to be about (<see cref="Storage.IStore.Generation"/>).</param>
    /// <param name="topic">The topic's number.</param>
    ValueTask<IReadOnlyList<KnownKey>> FindAsync(string generation, int topic, IReadOnlyList<KeyHash> hashes);

    /// <summary>Takes facts on, to be kept for the others. Never waits and never throws; what is too much is dropped.</summary>
    /// <param name="now">The store's time; beyond the rest of its time a fact need not be kept.</param>
    void Tell(string generation, int topic, IReadOnlyList<KnownKey> facts, DateTimeOffset now);
}
