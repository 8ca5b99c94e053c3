using Databus.Testing;

namespace Databus.AspNetCore.Tests;

/// <summary>The real-world data beside the checkout.</summary>
internal static class SharedData
{
    private const string Root = "../shared/data/";

    public static byte[] Bytes(string relative) => File.ReadAllBytes(Checkout.Path(Root + relative));

    public static string[] Lines(string relative) => File.ReadAllLines(Checkout.Path(Root + relative));

    public static string[] FileNames(string folder) =>
        [.. new DirectoryInfo(Checkout.Path(Root + folder)).GetFiles().Select(file => file.Name).Order(StringComparer.Ordinal)];
}
