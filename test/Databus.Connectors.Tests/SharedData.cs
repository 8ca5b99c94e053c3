using System.Text.Json;

namespace Databus.Connectors.Tests;

/// <summary>The real input data beside the checkout. Everything in it is hostile input.</summary>
internal static class SharedData
{
    private static readonly string Root = Path.Combine(FindCheckout(), "..", "shared", "data");

    public static IReadOnlyList<JsonElement> Feeds { get; } =
        [.. Json("feeds/index.json").GetProperty("entries").EnumerateArray()];

    public static byte[] Feed(string file) => File.ReadAllBytes(Path.Combine(Root, "feeds", file));

    public static JsonElement Json(string file)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Root, file)));
        return document.RootElement.Clone();
    }

    private static string FindCheckout()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Databus.slnx")))
            folder = folder.Parent ?? throw new DirectoryNotFoundException("No Databus.slnx above the tests.");
        return folder.FullName;
    }
}
