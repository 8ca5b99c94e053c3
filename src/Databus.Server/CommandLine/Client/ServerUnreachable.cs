namespace Databus.Server.CommandLine.Client;

/// <summary>No answer came: no connection, a broken one, or none in time. Whether the request was handled is unknown.</summary>
internal sealed class ServerUnreachable(string address, string reason, Exception cause)
    : Exception($"No server answers at {address}: {reason}", cause);
