namespace Databus.Server.CommandLine.Wire;

/// <summary>
/// The answer to many items. In a problem it tells what became of the items that were handled before, and
/// <paramref name="Lines"/> how many those are.
/// </summary>
internal sealed record AppendResult(long Added, long Duplicates, long Invalid, IReadOnlyList<AppendError>? Errors, int? Lines);

/// <summary>Why an item was left out.</summary>
/// <param name="Line">The line of the request, from 1.</param>
/// <param name="Error">A sentence.</param>
internal sealed record AppendError(int Line, string Error);
