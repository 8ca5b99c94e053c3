using System.Reflection;
using System.Runtime.CompilerServices;
using System.Xml.Linq;
using Databus.CommandLine;
using Databus.EntityFrameworkCore;
using Databus.Postgres;
using Databus.RabbitMq;
using Databus.Redis;
using Databus.Sqlite;
using Databus.Storage;
using Databus.Testing;

namespace Databus.Tests.Architecture;

/// <summary>What the types of the engine and of what is attached to it are called, where they stand, and what they promise.</summary>
public sealed class TypeRulesTests
{
    private static readonly string[] WordsThatSayNothing = ["Helper", "Manager", "Util", "Utils", "Utility", "Utilities", "Common", "Core", "Abstractions"];

    /// <summary>The interfaces there are, and why each is one.</summary>
    private static readonly Dictionary<string, string> Interfaces = new(StringComparer.Ordinal)
    {
        ["IStore"] = "Two stores: SQLite and PostgreSQL.",
        ["IJobStore"] = "Two stores: SQLite and PostgreSQL.",
        ["IJobHandler`2"] = "A boundary outside: what the user's jobs do.",
        ["ISourceKind"] = "A boundary outside: each way of fetching items is its own kind.",
        ["IListeningSourceKind"] = "A boundary outside: each way in which items are brought is its own kind.",
        ["IDestinationKind"] = "A boundary outside: each way of pushing is its own kind.",
        ["ISharedKeys"] = "A boundary outside: Redis, where nodes share what they know about keys.",
        ["IOutboxStore"] = "Two implementations: the service's own PostgreSQL or SQLite.",
        ["IOutboxSender`1"] = "A boundary outside: where the user's messages go, one at a time.",
        ["IOutboxBatchSender`1"] = "A boundary outside: where the user's messages go, in batches.",
        ["IOutboxContents`1"] = "A boundary outside: tables of the user's that hold the contents of messages.",
        ["IDestination"] = "A boundary outside: an open way to one destination.",
    };

    private static readonly Assembly[] Assemblies =
    [
        typeof(IStore).Assembly,
        typeof(SqliteStore).Assembly,
        typeof(PostgresStore).Assembly,
        typeof(RabbitMqOptions).Assembly,
        typeof(RedisOptions).Assembly,
        typeof(OutboxModel).Assembly,
        typeof(OutboxCommandLine).Assembly,
    ];

    public static TheoryData<string> SourceFiles => [.. Directory.GetFiles(Checkout.Path("src"), "*.cs", SearchOption.AllDirectories)
        .Select(file => Path.GetRelativePath(Checkout.Root, file).Replace('\\', '/'))
        .Where(file => !file.Contains("/obj/", StringComparison.Ordinal) && !file.Contains("/bin/", StringComparison.Ordinal))];

    [Fact]
    public void No_type_and_no_folder_has_a_name_that_says_nothing()
    {
        Assert.All(OwnTypes(), type => Assert.DoesNotContain(WordsThatSayNothing, word => type.Name.EndsWith(word, StringComparison.Ordinal)));
        Assert.All(
            Directory.GetDirectories(Checkout.Path("src"), "*", SearchOption.AllDirectories).Select(folder => Path.GetFileName(folder)),
            folder => Assert.DoesNotContain(folder, WordsThatSayNothing));
    }

    [Fact]
    public void An_interface_is_on_the_list_with_its_reason() =>
        Assert.Equal(Interfaces.Keys.Order(StringComparer.Ordinal), OwnTypes().Where(type => type.IsInterface).Select(type => type.Name).Order(StringComparer.Ordinal));

    [Fact]
    public void Classes_are_sealed_unless_they_are_abstract_or_inherited() =>
        Assert.All(OwnTypes().Where(type => type.IsClass), type => Assert.True(
            type.IsSealed || type.IsAbstract || OwnTypes().Any(other => other.BaseType == type), $"{type} is neither sealed nor inherited."));

    [Fact]
    public void Every_public_type_is_documented()
    {
        // Extension classes that only add services speak through their methods.
        Assert.All(Assemblies, assembly =>
        {
            var documented = XDocument.Load(Path.ChangeExtension(assembly.Location, ".xml")).Descendants("member")
                .Select(member => member.Attribute("name")!.Value).ToHashSet(StringComparer.Ordinal);
            var undocumented = OwnTypes(assembly).Where(type => type.IsVisible && !documented.Contains($"T:{type.FullName!.Replace('+', '.')}")
                && !(type.IsAbstract && type.IsSealed));
            Assert.Empty(undocumented);
        });
    }

    [Theory]
    [MemberData(nameof(SourceFiles))]
    public void A_namespace_is_where_its_file_stands(string file)
    {
        var declared = File.ReadLines(Checkout.Path(file)).FirstOrDefault(line => line.StartsWith("namespace ", StringComparison.Ordinal));
        if (declared is not null)
            Assert.Equal($"namespace {Path.GetDirectoryName(file)!["src/".Length..].Replace('/', '.')};", declared);
    }

    private static IEnumerable<Type> OwnTypes() => Assemblies.SelectMany(OwnTypes);

    private static IEnumerable<Type> OwnTypes(Assembly assembly) => assembly.GetTypes().Where(type =>
        type.FullName!.StartsWith("Databus", StringComparison.Ordinal)
        && !type.IsDefined(typeof(CompilerGeneratedAttribute), inherit: false)
        && !type.FullName.Contains('<', StringComparison.Ordinal)
        && type.DeclaringType?.FullName?.Contains('<', StringComparison.Ordinal) != true);
}
