namespace Databus.Server.Tests.EndToEnd;

public sealed class SqliteLivePageTests(SqliteServer server, Browser browser) : LivePageTests(server, browser), IClassFixture<SqliteServer>;

public sealed class PostgresLivePageTests(PostgresServer server, Browser browser) : LivePageTests(server, browser), IClassFixture<PostgresServer>;

public sealed class SqliteRealInputTests(SqliteServer server) : RealInputTests(server), IClassFixture<SqliteServer>;

public sealed class PostgresRealInputTests(PostgresServer server) : RealInputTests(server), IClassFixture<PostgresServer>;

public sealed class SqliteRealServerCommandLineTests() : RealServerCommandLineTests(new SqliteServer());

public sealed class PostgresRealServerCommandLineTests() : RealServerCommandLineTests(new PostgresServer());

public sealed class SqliteDrainTests() : DrainTests(new SqliteHome());

public sealed class PostgresDrainTests() : DrainTests(new PostgresHome());
