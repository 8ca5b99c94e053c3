namespace Databus.Proofs.Http;

/// <summary>The answer to one add.</summary>
/// <param name="Result">What became of it.</param>
/// <param name="Id">The id the answer named, or 0.</param>
/// <param name="Status">The status of the answer, or 0.</param>
internal readonly record struct AddAnswer(AddResult Result, long Id = 0, int Status = 0);
