using System.Runtime.InteropServices;
using Databus.Testing;

namespace Databus.Proofs.Processes;

/// <summary>Where the programs of this checkout are, in the configuration this one was built in.</summary>
internal static class BuiltProgram
{
    /// <summary>The runtime this process runs on, for programs whose own search would find another or none.</summary>
    public static string RuntimeRoot => Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));

    /// <summary>The program of a project.</summary>
    /// <exception cref="FileNotFoundException">It has not been built.</exception>
    public static string Find(string project)
    {
        var configuration = new DirectoryInfo(AppContext.BaseDirectory).Name;
        var program = Checkout.Path(Path.Combine("artifacts", "bin", project, configuration, project));
        return File.Exists(program)
            ? program
            : throw new FileNotFoundException($"{program} is missing. Build it first: dotnet build src/{project}", program);
    }
}
