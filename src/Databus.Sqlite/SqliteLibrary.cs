using System.Runtime.InteropServices;
using SQLitePCL;

namespace Databus.Sqlite;

/// <summary>
/// Chooses the SQLite library once per process: the operating system's where it is newer than the bundled
/// one, which has known bugs, and the bundled one elsewhere.
/// </summary>
internal static class SqliteLibrary
{
    private const string Bundled = "e_sqlite3";

    private static readonly string[] SystemNames = ["libsqlite3.so.0", "libsqlite3.dylib"];

    private static readonly Lazy<Version> Loaded = new(Load);

    /// <summary>The version in use. Loads the library at the first call.</summary>
    public static Version Version => Loaded.Value;

    /// <summary>Below this, row-value and upsert statements of ours fail.</summary>
    public static readonly Version Oldest = new(3, 35, 0);

    private static Version Load()
    {
        var system = FindNewerThanBundled();
        var provider = typeof(SQLite3Provider_e_sqlite3).Assembly;
        NativeLibrary.SetDllImportResolver(provider, (name, assembly, path) =>
            name == Bundled && system != IntPtr.Zero ? system : IntPtr.Zero);
        raw.SetProvider(new SQLite3Provider_e_sqlite3());
        return Version.Parse(raw.sqlite3_libversion().utf8_to_string());
    }

    private static IntPtr FindNewerThanBundled()
    {
        // The bundled library is 3.35.5; asking it would load it, and a library cannot be unloaded safely.
        var bundled = new Version(3, 35, 5);
        foreach (var name in SystemNames)
        {
            if (!NativeLibrary.TryLoad(name, out var library))
                continue;
            if (NativeLibrary.TryGetExport(library, "sqlite3_libversion_number", out var export)
                && VersionOf(Marshal.GetDelegateForFunctionPointer<VersionNumber>(export)()) > bundled)
            {
                return library;
            }

            NativeLibrary.Free(library);
        }

        return IntPtr.Zero;
    }

    // 3040001 is 3.40.1.
    private static Version VersionOf(int number) => new(number / 1_000_000, number / 1000 % 1000, number % 1000);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate int VersionNumber();
}
