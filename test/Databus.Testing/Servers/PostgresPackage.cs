using System.Globalization;
using Databus.Testing.Processes;

namespace Databus.Testing.Servers;

/// <summary>PostgreSQL's programs, as Debian installs them: a folder a version, outside of the PATH.</summary>
internal static class PostgresPackage
{
    private const string Versions = "/usr/lib/postgresql";

    /// <summary>The path of a program of the newest version.</summary>
    /// <exception cref="InvalidOperationException">It is not installed.</exception>
    public static string Find(string program) => ExternalTool.Find(program, "postgresql", NewestFirst());

    private static IEnumerable<string> NewestFirst() => Directory.Exists(Versions)
        ? new DirectoryInfo(Versions).GetDirectories()
            .OrderByDescending(folder => double.TryParse(folder.Name, CultureInfo.InvariantCulture, out var version) ? version : 0)
            .Select(folder => Path.Combine(folder.FullName, "bin"))
        : [];
}
