using System.Xml.Linq;
using Databus.Testing;

namespace Databus.Tests.Architecture;

/// <summary>
/// Which project may know which: <c>Server → AspNetCore, stores, connectors → Databus</c>. Siblings never know each other.
/// </summary>
public sealed class ProjectRulesTests
{
    private const string Engine = "Databus";
    private const string Program = "Databus.Server";

    /// <summary>For applications that have an outbox on their own database; the program has none.</summary>
    private static readonly string[] ForApplications = ["Databus.CommandLine", "Databus.EntityFrameworkCore"];

    public static TheoryData<string> Projects => [.. Directory.GetFiles(Checkout.Path("src"), "*.csproj", SearchOption.AllDirectories)
        .Select(file => Path.GetFileNameWithoutExtension(file)).Order(StringComparer.Ordinal)];

    [Fact]
    public void There_are_projects_to_judge() => Assert.True(Projects.Count >= 8);

    [Theory]
    [MemberData(nameof(Projects))]
    public void A_project_knows_only_those_below_it(string project)
    {
        var known = References(project, "ProjectReference").Select(path => Path.GetFileNameWithoutExtension(path));
        if (project == Program)
            Assert.Equal(Projects.Select(row => row.Data).Except([Program, Engine, .. ForApplications], StringComparer.Ordinal), known.Order(StringComparer.Ordinal));
        else
            Assert.Equal(project == Engine ? [] : [Engine], known);
    }

    [Fact]
    public void The_engine_needs_the_base_class_library_and_abstractions_only() =>
        Assert.All(References(Engine, "PackageReference"), package => Assert.Matches(@"^Microsoft\.Extensions\..*Abstractions$", package));

    [Theory]
    [MemberData(nameof(Projects))]
    public void Each_folder_is_named_after_its_project(string project) =>
        Assert.True(File.Exists(Checkout.Path($"src/{project}/{project}.csproj")));

    [Theory]
    [MemberData(nameof(Projects))]
    public void Each_project_is_part_of_the_solution(string project) =>
        Assert.Contains($"src/{project}/{project}.csproj", File.ReadAllText(Checkout.Path("Databus.slnx")), StringComparison.Ordinal);

    private static IEnumerable<string> References(string project, string kind) =>
        XDocument.Load(Checkout.Path($"src/{project}/{project}.csproj")).Descendants(kind).Select(reference => reference.Attribute("Include")!.Value.Replace('\\', '/'));
}
