using System.Diagnostics;
using System.Globalization;
using Databus.Testing;

namespace Databus.Sqlite.Tests;

/// <summary>A file system of a few megabytes, in memory, of which a part is taken until it is given back.</summary>
internal sealed class SmallDisk : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public SmallDisk(int megabytes, int taken)
    {
        try
        {
            Run("mount", "-t", "tmpfs", "-o", string.Create(CultureInfo.InvariantCulture, $"size={megabytes}m"), "tmpfs", Path);
        }
        catch
        {
            _folder.Dispose();
            throw;
        }

        File.WriteAllBytes(Ballast, new byte[taken << 20]);
    }

    public string Path => _folder.Path;

    private string Ballast => _folder.File("ballast");

    public void GiveBack() => File.Delete(Ballast);

    public void Dispose()
    {
        Run("umount", "--lazy", Path);
        _folder.Dispose();
    }

    private static void Run(string command, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(command, arguments) { RedirectStandardError = true, UseShellExecute = false })!;
        var error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(
            process.ExitCode == 0,
            $"This test needs a small file system of its own, and `{command} {string.Join(' ', arguments)}` failed: {error}Run the tests as root.");
    }
}
