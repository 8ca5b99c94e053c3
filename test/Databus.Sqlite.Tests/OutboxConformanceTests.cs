using Databus.StoreSuite.Outbox;

namespace Databus.Sqlite.Tests;

public sealed class SqliteOutboxRecordTests() : OutboxRecordTests(new OutboxSqliteHome());

public sealed class SqliteOutboxClaimTests() : OutboxClaimTests(new OutboxSqliteHome());

public sealed class SqliteOutboxParkedTests() : OutboxParkedTests(new OutboxSqliteHome());

public sealed class SqliteOutboxRelayTests() : OutboxRelayTests(new OutboxSqliteHome());

public sealed class SqliteOutboxContentsTests() : OutboxContentsTests(new OutboxSqliteHome());

public sealed class SqliteOutboxFaultTests() : OutboxFaultTests(new OutboxSqliteHome());
