namespace Databus.Server.CommandLine;

/// <summary>What <c>databus serve</c> was asked for.</summary>
/// <param name="Urls">Where to listen, several separated by <c>;</c>.</param>
/// <param name="DataDirectory">The folder that holds everything that is kept.</param>
/// <param name="Store">The kind of store.</param>
/// <param name="Environment"><c>Development</c> (no token on loopback) or <c>Production</c>.</param>
internal sealed record ServeOptions(string Urls, string DataDirectory, string Store, string Environment);
