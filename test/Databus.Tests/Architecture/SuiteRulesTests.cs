using System.Text.RegularExpressions;
using Databus.Testing;

namespace Databus.Tests.Architecture;

/// <summary>What is said of one store is said of every store, unless there is a reason.</summary>
public sealed partial class SuiteRulesTests
{
    private const string Suite = "test/Databus.StoreSuite";
    private const string EndToEnd = "test/Databus.Server.Tests/EndToEnd";

    private static readonly string[] Stores = ["Sqlite", "Postgres"];

    /// <summary>The tests of one store alone, and why the suite cannot say what they say.</summary>
    private static readonly Dictionary<string, string> Alone = new(StringComparer.Ordinal)
    {
        ["Sqlite.CheckpointTests"] = "The file beside the database that checkpoints keep small.",
        ["Sqlite.ClockStepTests"] = "A clock that steps while no time passes; a database server's nodes go by the server's clock.",
        ["Sqlite.DataDirectoryTests"] = "A folder, its mode, and the one process that may hold it.",
        ["Sqlite.FullDiskTests"] = "The reserve on our own disk; a database server's disk is not ours to fill or to keep free.",
        ["Sqlite.OutboxKillTests"] = "Shapes of transaction that SQLite has; those of PostgreSQL are in EntityFrameworkCore.Tests.",
        ["Sqlite.SchemaTests"] = "Migrations in SQLite's language, up from every version.",
        ["Sqlite.SqliteLibraryTests"] = "The version and the settings of the SQLite that is loaded.",
        ["Sqlite.WriterTests"] = "The one thread that writes; other stores have no such part.",
        ["Postgres.BreakageTests"] = "Connections that break, a server that stops, locks and transactions that others hold: within one process there are none.",
        ["Postgres.ClockTests"] = "The clock of the database, which a store in the process does not have.",
        ["Postgres.DatabaseTimeTests"] = "What a node learns about a clock that is not its own.",
        ["Postgres.JobConcurrencyTests"] = "Two stores open on the same data, and transactions of strangers that enqueue: SQLite has one process and no strangers.",
        ["Postgres.JobPagesTests"] = "Pages that PostgreSQL counts, and a transaction that a stranger keeps open.",
        ["Postgres.JobProcessorTimeTests"] = "The processor time that the server has used.",
        ["Postgres.LongTransactionTests"] = "A transaction that a stranger keeps open in the same database.",
        ["Postgres.NeighbourTests"] = "Two stores open on the same data, which SQLite refuses.",
        ["Postgres.OutboxDatabaseTests"] = "A database that ends statements, gives ids again after a restore, and chooses plans.",
        ["Postgres.OutboxPoisonTests"] = "Ten thousand messages behind a hundred that nobody takes: the volume, which the suite's tests of parking leave out.",
        ["Postgres.OutboxTransactionTests"] = "Shapes of transaction and locks between writers, which a file with one writer does not have.",
        ["Postgres.PoolerTests"] = "A pooler between node and database.",
        ["Postgres.PostgresUrlTests"] = "How the address of a database is written.",
        ["Postgres.SchemaTests"] = "Migrations in PostgreSQL's language, up from every version, by many nodes at once.",
    };

    /// <summary>Where abstract tests stand, where their subclasses do, and the name of the store that one begins with.</summary>
    public static TheoryData<string, string, string> Suites => new()
    {
        { Suite, "test/Databus.Sqlite.Tests", "Sqlite" },
        { Suite, "test/Databus.Postgres.Tests", "Postgres" },
        { EndToEnd, EndToEnd, "Sqlite" },
        { EndToEnd, EndToEnd, "Postgres" },
    };

    [Theory]
    [MemberData(nameof(Suites))]
    public void Every_test_of_a_suite_runs_on_every_store(string suite, string project, string store)
    {
        var wanted = ClassesIn(suite).Where(test => test.IsAbstract && test.Name != "StoreTests").Select(test => test.Name).ToList();
        Assert.NotEmpty(wanted);
        Assert.Equal(
            wanted.Order(StringComparer.Ordinal),
            ClassesIn(project).Where(test => test.Name == store + test.Base).Select(test => test.Base).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void No_test_before_the_real_server_stands_on_one_store_alone() =>
        Assert.All(ClassesIn(EndToEnd), test => Assert.True(test.IsAbstract || test.Base.EndsWith("Tests", StringComparison.Ordinal), test.Name));

    [Fact]
    public void A_test_of_one_store_alone_is_on_the_list_with_its_reason() => Assert.Equal(
        Alone.Keys.Order(StringComparer.Ordinal),
        Stores
            .SelectMany(store => ClassesIn($"test/Databus.{store}.Tests").Where(test => test.Name != store + test.Base).Select(test => $"{store}.{test.Name}"))
            .Order(StringComparer.Ordinal));

    /// <summary>The test classes in the files of a folder, by their text.</summary>
    private static IEnumerable<(string Name, bool IsAbstract, string Base)> ClassesIn(string folder) =>
        Directory.GetFiles(Checkout.Path(folder), "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.Contains("/obj/", StringComparison.Ordinal) && !file.Contains("/bin/", StringComparison.Ordinal))
            .SelectMany(file => TestClass().Matches(File.ReadAllText(file)))
            .Select(found => (found.Groups["name"].Value, found.Groups["abstract"].Success, found.Groups["base"].Value));

    [GeneratedRegex(
        @"^public (?:(?<abstract>abstract )|sealed )?(?:partial )?class (?<name>\w+Tests)(?:\([^)]*\))?(?: : (?<base>\w+))?",
        RegexOptions.Multiline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex TestClass();
}
