using System.Globalization;
using Databus.Testing;
using Databus.Testing.Processes;

namespace Databus.Proofs.Disk;

/// <summary>A file system of a known size in memory, with some space taken that can be given back.</summary>
internal sealed class SmallDisk : IAsyncDisposable
{
    private readonly TemporaryFolder _folder;

    private SmallDisk(TemporaryFolder folder) => _folder = folder;

    public string DataFolder => _folder.File("data");

    private string Ballast => _folder.File("ballast");

    /// <summary>Mounts it, with some megabytes taken.</summary>
    /// <exception cref="InvalidOperationException">It cannot be mounted: that needs the right to do so.</exception>
    public static async Task<SmallDisk> MountAsync(int megabytes, int taken)
    {
        var folder = new TemporaryFolder();
        try
        {
            await ExternalTool.RunAsync(
                "mount", "-t", "tmpfs", "-o", string.Create(CultureInfo.InvariantCulture, $"size={megabytes}m"), "tmpfs", folder.Path);
        }
        catch
        {
            folder.Dispose();
            throw;
        }

        var disk = new SmallDisk(folder);
        await File.WriteAllBytesAsync(disk.Ballast, new byte[taken << 20]);
        return disk;
    }

    public void GiveSpaceBack() => File.Delete(Ballast);

    public async ValueTask DisposeAsync()
    {
        await ExternalTool.RunAsync("umount", _folder.Path);
        _folder.Dispose();
    }
}
