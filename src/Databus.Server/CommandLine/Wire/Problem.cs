namespace Databus.Server.CommandLine.Wire;

internal sealed record Problem(string? Title, string? Detail, string? Error);
