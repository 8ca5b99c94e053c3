using System.Reflection;
using Microsoft.Extensions.FileProviders;
using Microsoft.Extensions.Primitives;

namespace Databus.AspNetCore.Dashboard;

/// <summary>The built dashboard, embedded in this assembly so that it is there wherever Databus is.</summary>
internal sealed class DashboardFiles : IFileProvider
{
    private const string Prefix = "dashboard/";

    private readonly Assembly _assembly = typeof(DashboardFiles).Assembly;
    private readonly HashSet<string> _names;
    private readonly DateTimeOffset _builtAt;

    public DashboardFiles()
    {
        _names = [.. _assembly.GetManifestResourceNames()
            .Select(name => name.Replace('\\', '/'))
            .Where(name => name.StartsWith(Prefix, StringComparison.Ordinal))];
        _builtAt = new DateTimeOffset(File.GetLastWriteTimeUtc(_assembly.Location is { Length: > 0 } location ? location : AppContext.BaseDirectory));
    }

    public IFileInfo GetFileInfo(string subpath)
    {
        var name = Prefix + subpath.TrimStart('/');
        return _names.Contains(name) ? new EmbeddedFile(_assembly, name, _builtAt) : new NotFoundFileInfo(subpath);
    }

    public IDirectoryContents GetDirectoryContents(string subpath) => NotFoundDirectoryContents.Singleton;

    public IChangeToken Watch(string filter) => NullChangeToken.Singleton;

    private sealed class EmbeddedFile(Assembly assembly, string resource, DateTimeOffset builtAt) : IFileInfo
    {
        public bool Exists => true;

        public bool IsDirectory => false;

        public DateTimeOffset LastModified => builtAt;

        public long Length { get; } = Open(assembly, resource).Length;

        public string Name => Path.GetFileName(resource);

        public string? PhysicalPath => null;

        public Stream CreateReadStream() => Open(assembly, resource);

        private static Stream Open(Assembly assembly, string resource) => assembly.GetManifestResourceStream(resource)!;
    }
}
