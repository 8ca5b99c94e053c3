namespace Databus.Server.Tests.CommandLine;

/// <summary>The collection of real files beside the checkout. Without it, the tests that need it fail.</summary>
internal static class RealInput
{
    public static string Path(string name)
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(System.IO.Path.Combine(folder.FullName, "Databus.slnx")))
            folder = folder.Parent;
        string path = System.IO.Path.Combine(folder?.Parent?.FullName ?? "", "shared", "data", name);
        Assert.True(File.Exists(path), $"The real input {name} is not beside the checkout.");
        return path;
    }
}
