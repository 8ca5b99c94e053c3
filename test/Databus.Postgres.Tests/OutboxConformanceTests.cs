using Databus.StoreSuite.Outbox;

namespace Databus.Postgres.Tests;

public sealed class PostgresOutboxRecordTests() : OutboxRecordTests(new OutboxPostgresHome());

public sealed class PostgresOutboxClaimTests() : OutboxClaimTests(new OutboxPostgresHome());

public sealed class PostgresOutboxParkedTests() : OutboxParkedTests(new OutboxPostgresHome());

public sealed class PostgresOutboxRelayTests() : OutboxRelayTests(new OutboxPostgresHome());

public sealed class PostgresOutboxContentsTests() : OutboxContentsTests(new OutboxPostgresHome());

public sealed class PostgresOutboxFaultTests() : OutboxFaultTests(new OutboxPostgresHome());
