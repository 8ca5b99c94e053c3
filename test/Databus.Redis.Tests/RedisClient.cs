using System.Globalization;
using Databus.Json;
using Databus.Testing.Processes;
using Databus.Testing.Servers;
using Databus.Topics;

namespace Databus.Redis.Tests;

/// <summary>Redis's own client, and how Databus is connected.</summary>
internal static class RedisClient
{
    /// <summary>Beyond what a busy machine takes, where slowness is not what is tested.</summary>
    private static readonly TimeSpan MuchPatience = TimeSpan.FromSeconds(1);

    public static RedisOptions Options(this RedisServer server) => new() { Configuration = server.Address, ReadTimeout = MuchPatience };

    /// <summary>Says it to the server, and gives its answer.</summary>
    public static Task<string> SayAsync(this RedisServer server, params string[] command) => ExternalTool.RunAsync(
        ExternalTool.Find("redis-cli", "redis-tools"), ["-p", server.Port.ToString(CultureInfo.InvariantCulture), .. command]);

    /// <summary>A number that the server tells about itself.</summary>
    public static async Task<long> InfoAsync(this RedisServer server, string name) => long.Parse(
        (await server.SayAsync("INFO")).Split('\n').First(line => line.StartsWith(name + ":", StringComparison.Ordinal)).Split(':')[1].Trim(),
        CultureInfo.InvariantCulture);

    public static async Task<int> CountKeysAsync(this RedisServer server) => int.Parse(await server.SayAsync("DBSIZE"), CultureInfo.InvariantCulture);

    /// <summary>Puts a value where a fact about a key would be.</summary>
    public static Task PutAsync(this RedisServer server, string generation, Topic topic, int key, string value) =>
        server.SayAsync("SET", KeyOf(generation, topic, key), value);

    public static Task<string> GetAsync(this RedisServer server, string generation, Topic topic, int key) =>
        server.SayAsync("GET", KeyOf(generation, topic, key));

    private static string KeyOf(string generation, Topic topic, int key) => FactText.PrefixOf(generation, topic.Number) + KeyHash.FromText($"{key}");
}
