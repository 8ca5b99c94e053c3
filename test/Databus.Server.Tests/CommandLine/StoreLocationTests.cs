using Databus.Server.CommandLine;
using Databus.Server.Serving;

namespace Databus.Server.Tests.CommandLine;

public sealed class StoreLocationTests
{
    private const string Secret = "s3cr3t/p@ss";

    [Fact]
    public void Sqlite_is_in_the_folder_of_the_data()
    {
        StoreLocation location = StoreLocation.Read("sqlite", "/var/lib/databus");
        Assert.Equal((StoreKind.Sqlite, "/var/lib/databus", null), (location.Kind, location.DataDirectory, location.Url));
        Assert.Equal("/var/lib/databus/databus.sock", location.ControlSocket);
        Assert.Equal("SQLite in /var/lib/databus", location.ToString());
    }

    [Theory]
    [InlineData("postgres://u:s3cr3t@db.internal:6432/bus?sslmode=require", "PostgreSQL at db.internal:6432/bus")]
    [InlineData("postgresql://db/bus", "PostgreSQL at db/bus")]
    [InlineData("postgres://u:s3cr3t@[::1]/bus", "PostgreSQL at [::1]/bus")]
    [InlineData("postgres://u:p%40ss@db/bus?password=s3cr3t", "PostgreSQL at db/bus")]
    [InlineData("postgres://u:s3cr3t@", "PostgreSQL")]
    public void An_address_is_PostgreSQL_and_shown_without_its_password(string text, string shown)
    {
        StoreLocation location = StoreLocation.Read(text, "./databus-data");
        Assert.Equal((StoreKind.Postgres, text, null), (location.Kind, location.Url, location.ControlSocket));
        Assert.Equal(shown, location.ToString());
        Assert.DoesNotContain("s3cr3t", new ServeOptions("", location, "", Nodes.NodeRoles.All, "").ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("mysql://u:s3cr3t@db/bus", "mysql")]
    [InlineData("Sqlite", "Sqlite")]
    [InlineData("", "")]
    public void What_there_is_not_is_refused_with_what_there_is(string text, string shown)
    {
        CommandFailure refusal = Assert.Throws<CommandFailure>(() => StoreLocation.Read(text, "d"));
        Assert.Equal(ExitCodes.WrongUsage, refusal.ExitCode);
        Assert.Equal($"A store is sqlite or postgres://user:password@host:port/database, not '{shown}'.", refusal.Message);
    }

    [Theory]
    [InlineData("serve --help")]
    [InlineData("doctor --help")]
    [InlineData("serve --environment Staging")]
    [InlineData("token create scraper")]
    [InlineData("backup file")]
    [InlineData("restore /dev/null")]
    [InlineData("doctor postgres://u:s3cr3t/p@ss@db/bus")]
    [InlineData("postgres://u:s3cr3t/p@ss@db/bus?password=s3cr3t/p@ss")]
    [InlineData("serve --store=mysql://u:s3cr3t/p@ss@db/bus")]
    public async Task The_password_never_shows(string line)
    {
        CommandRun run = await CommandRun.OfAsync(
            line.Split(' '),
            store: _ => new MemoryStore().Commands with { Examine = (location, _) => throw new CommandFailure(ExitCodes.Failed, location.Url!) },
            variables: new(StringComparer.Ordinal) { ["DATABUS_STORE"] = $"postgres://u:{Secret}@db/bus" });
        Assert.DoesNotContain("s3cr3t", run.Out + run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("p@ss", run.Out + run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres://db/bus")]
    public void Each_kind_has_its_commands(string text) => Assert.NotNull(Stores.CommandsOf(StoreLocation.Read(text, "d")));

    [Fact]
    public async Task A_backup_of_PostgreSQL_is_PostgreSQLs_business()
    {
        foreach (string line in new[] { "backup file", "restore /dev/null" })
        {
            CommandRun run = await CommandRun.OfAsync([.. line.Split(' '), "--store", "postgres://db/bus"], store: Stores.CommandsOf);
            Assert.Equal((ExitCodes.WrongUsage, ""), (run.ExitCode, run.Out));
            Assert.Contains("pg_dump", run.Error, StringComparison.Ordinal);
        }
    }
}
