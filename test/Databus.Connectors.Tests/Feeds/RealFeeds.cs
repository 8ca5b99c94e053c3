using System.Text.Json;
using Databus.Testing;

namespace Databus.Connectors.Tests.Feeds;

/// <summary>The collection of real feeds. Everything in it is hostile input.</summary>
internal static class RealFeeds
{
    /// <summary>What the collection's index says of each.</summary>
    public static IReadOnlyList<JsonElement> Entries { get; } =
        [.. SharedData.Json("feeds/index.json").GetProperty("entries").EnumerateArray()];

    public static byte[] Bytes(string file) => SharedData.Bytes($"feeds/{file}");
}
