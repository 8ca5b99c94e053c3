namespace Databus.Server.CommandLine.Input;

/// <summary>An item that was left out: where it begins and why.</summary>
internal sealed record InvalidLine(string File, long Line, string Error);
