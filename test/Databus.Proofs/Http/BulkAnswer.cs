namespace Databus.Proofs.Http;

/// <summary>The answer to many lines.</summary>
/// <param name="Result"><see cref="AddResult.Added"/> where the whole of it was handled.</param>
/// <param name="Added">How many lines became items.</param>
/// <param name="Duplicates">How many were there already.</param>
/// <param name="Invalid">How many were refused.</param>
/// <param name="Status">The status of the answer, or 0.</param>
internal readonly record struct BulkAnswer(
    AddResult Result, long Added = 0, long Duplicates = 0, long Invalid = 0, int Status = 0);
