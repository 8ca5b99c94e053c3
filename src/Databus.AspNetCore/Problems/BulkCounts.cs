namespace Databus.AspNetCore.Problems;

/// <summary>How far a request of many items got; all of it is on disk.</summary>
/// <param name="Lines">Lines or elements dealt with, from the first on without a gap.</param>
internal readonly record struct BulkCounts(long Added, long Duplicates, long Invalid, long Lines);
