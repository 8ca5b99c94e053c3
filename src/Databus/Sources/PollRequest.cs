namespace Databus.Sources;

/// <summary>What a kind of source needs to read it once.</summary>
/// <param name="Url">Where to read; absolute, http or https.</param>
/// <param name="State">What the last successful poll of this source returned as its state; null at first.</param>
public sealed record PollRequest(Uri Url, string? State);
