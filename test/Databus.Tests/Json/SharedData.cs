namespace Databus.Tests.Json;

/// <summary>The real-world data beside the checkout.</summary>
internal static class SharedData
{
    private static readonly string Root = FindRoot();

    public static string Path(string relative) => System.IO.Path.Combine(Root, relative);

    public static byte[] Bytes(string relative) => File.ReadAllBytes(Path(relative));

    public static string[] Lines(string relative) => File.ReadAllLines(Path(relative));

    public static string[] FileNames(string folder) =>
        [.. new DirectoryInfo(Path(folder)).GetFiles().Select(file => file.Name).Order(StringComparer.Ordinal)];

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(System.IO.Path.Combine(folder.FullName, "Databus.slnx")))
                return System.IO.Path.GetFullPath(System.IO.Path.Combine(folder.FullName, "..", "shared", "data"));
        }

        throw new DirectoryNotFoundException("No folder above the tests holds Databus.slnx.");
    }
}
