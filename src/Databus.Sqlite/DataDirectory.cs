using Databus.Storage;

namespace Databus.Sqlite;

/// <summary>The folder that holds the database. One process at a time: the others are refused.</summary>
internal sealed class DataDirectory : IDisposable
{
    // As much as the log may hold: with it, all of the log can be folded into the database on a full disk.
    private const long ReserveBytes = 32 << 20;
    private const long SpaceBeyondReserve = 8 << 20;

    private readonly FileStream _lock;

    private DataDirectory(string path, FileStream @lock)
    {
        Path = path;
        _lock = @lock;
    }

    public string Path { get; }

    public string DatabaseFile => DatabaseFileIn(Path);

    public string WalFile => DatabaseFile + "-wal";

    private string ReserveFile => System.IO.Path.Combine(Path, "databus.reserve");

    public static string DatabaseFileIn(string path) => System.IO.Path.Combine(path, "databus.db");

    /// <summary>Takes the folder for this process, creating it where it is missing.</summary>
    /// <exception cref="StoreException">Another process has it.</exception>
    public static DataDirectory Open(string path)
    {
        var full = System.IO.Path.GetFullPath(path);
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(full);
        else
            Directory.CreateDirectory(full, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        try
        {
            var file = new FileStream(
                System.IO.Path.Combine(full, "databus.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            return new DataDirectory(full, file);
        }
        catch (IOException error)
        {
            throw new StoreException(StoreProblem.Stopped, $"Another databus uses the data directory {full}, or it cannot be opened: {error.Message}", error);
        }
    }

    public long FreeBytes => new DriveInfo(Path).AvailableFreeSpace;

    /// <summary>
    /// Keeps some space that <see cref="ReleaseReserve"/> gives back when the disk is full, so that fetches
    /// and acknowledgements, which need a little, go on. False: there is no space for it.
    /// </summary>
    public bool TryKeepReserve()
    {
        try
        {
            if (new FileInfo(ReserveFile) is { Exists: true, Length: ReserveBytes })
                return true;
            if (FreeBytes < ReserveBytes + SpaceBeyondReserve)
                return false;

            // Written, not just sized: a sparse file reserves nothing.
            using var file = new FileStream(ReserveFile, FileMode.Create, FileAccess.Write);
            var zeros = new byte[1 << 20];
            for (long written = 0; written < ReserveBytes; written += zeros.Length)
                file.Write(zeros);
            return true;
        }
        catch (IOException)
        {
            ReleaseReserve();
            return false;
        }
    }

    public void ReleaseReserve()
    {
        try
        {
            File.Delete(ReserveFile);
        }
        catch (IOException)
        {
            // Then there was nothing to give back.
        }
    }

    public void Dispose() => _lock.Dispose();
}
