namespace Databus.Testing;

/// <summary>The checkout the tests were built from.</summary>
public static class Checkout
{
    private const string Landmark = "Databus.slnx";

    /// <summary>The folder that holds the solution.</summary>
    public static string Root { get; } = Find();

    /// <summary>A file or folder of the checkout, by its path relative to the solution.</summary>
    public static string Path(string relative) => System.IO.Path.Combine(Root, relative);

    private static string Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(System.IO.Path.Combine(folder.FullName, Landmark)))
                return folder.FullName;
        }

        throw new DirectoryNotFoundException($"No folder above the tests holds {Landmark}.");
    }
}
