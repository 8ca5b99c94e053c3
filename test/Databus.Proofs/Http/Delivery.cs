using System.Text.Json;

namespace Databus.Proofs.Http;

/// <summary>One item as a subscription's fetch gives it.</summary>
internal sealed record Delivery(long Id, JsonElement Content, int Attempt, string Token);
