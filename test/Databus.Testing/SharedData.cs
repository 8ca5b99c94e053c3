using System.Text.Json;

namespace Databus.Testing;

/// <summary>The real-world data beside the checkout. Without it, the tests that need it fail.</summary>
public static class SharedData
{
    private static readonly string Root =
        System.IO.Path.GetFullPath(System.IO.Path.Combine(Checkout.Root, "..", "shared", "data"));

    /// <summary>The path of a file or folder of it.</summary>
    /// <exception cref="FileNotFoundException">It is not there.</exception>
    public static string Path(string relative)
    {
        var path = System.IO.Path.Combine(Root, relative);
        return System.IO.Path.Exists(path)
            ? path
            : throw new FileNotFoundException($"The real input {relative} is not beside the checkout.", path);
    }

    public static byte[] Bytes(string relative) => File.ReadAllBytes(Path(relative));

    public static JsonElement Json(string relative) => JsonElement.Parse(Bytes(relative));

    public static string[] Lines(string relative) => File.ReadAllLines(Path(relative));

    public static string[] FileNames(string folder) =>
        [.. new DirectoryInfo(Path(folder)).GetFiles().Select(file => file.Name).Order(StringComparer.Ordinal)];
}
