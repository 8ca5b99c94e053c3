namespace Databus.Server.Tests.EndToEnd;

public sealed class SqliteLivePageTests(SqliteServer server, Browser browser) : LivePageTests(server, browser), IClassFixture<SqliteServer>;

public sealed class PostgresLivePageTests(PostgresServer server, Browser browser) : LivePageTests(server, browser), IClassFixture<PostgresServer>;

public sealed class SqliteJobPageTests(SqliteServer server, Browser browser) : JobPageTests(server, browser), IClassFixture<SqliteServer>;

public sealed class PostgresJobPageTests(PostgresServer server, Browser browser) : JobPageTests(server, browser), IClassFixture<PostgresServer>;

public sealed class SqliteRealInputTests(SqliteServer server) : RealInputTests(server), IClassFixture<SqliteServer>;

public sealed class PostgresRealInputTests(PostgresServer server) : RealInputTests(server), IClassFixture<PostgresServer>;

public sealed class SqliteRealServerCommandLineTests() : RealServerCommandLineTests(new SqliteServer());

public sealed class PostgresRealServerCommandLineTests() : RealServerCommandLineTests(new PostgresServer());

public sealed class SqliteDrainTests() : DrainTests(new SqliteHome());

public sealed class PostgresDrainTests() : DrainTests(new PostgresHome());

public sealed class SqliteJobCommandTests(SqliteServer server) : JobCommandTests(server), IClassFixture<SqliteServer>;

public sealed class PostgresJobCommandTests(PostgresServer server) : JobCommandTests(server), IClassFixture<PostgresServer>;

public sealed class SqliteOutsideWorkerTests() : OutsideWorkerTests(new SqliteHome());

public sealed class PostgresOutsideWorkerTests() : OutsideWorkerTests(new PostgresHome());
