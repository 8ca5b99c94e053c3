using Databus.StoreSuite;
using Databus.Testing.Servers;

namespace Databus.Postgres.Tests;

public sealed class PostgresTopicTests() : TopicTests(new PostgresHome());

public sealed class PostgresAppendTests() : AppendTests(new PostgresHome());

public sealed class PostgresReadingTests() : ReadingTests(new PostgresHome());

public sealed class PostgresSubscriptionTests() : SubscriptionTests(new PostgresHome());

public sealed class PostgresPushTests() : PushTests(new PostgresHome());

public sealed class PostgresLeaseTests() : LeaseTests(new PostgresHome());

public sealed class PostgresNegativeAcknowledgementTests() : NegativeAcknowledgementTests(new PostgresHome());

public sealed class PostgresDeadLetterTests() : DeadLetterTests(new PostgresHome());

public sealed class PostgresRewindTests() : RewindTests(new PostgresHome());

public sealed class PostgresRetentionTests() : RetentionTests(new PostgresHome());

public sealed class PostgresSourceTests() : SourceTests(new PostgresHome());

public sealed class PostgresTokenTests() : TokenTests(new PostgresHome());

public sealed class PostgresNodeTests() : NodeTests(new PostgresHome());

public sealed class PostgresRestartTests() : RestartTests(new PostgresHome(SharedPostgres.GetDurableAsync));

public sealed class PostgresModelTests() : ModelTests(new PostgresHome());

public sealed class PostgresJobTests() : JobTests(new PostgresHome());

public sealed class PostgresJobCompletionTests() : JobCompletionTests(new PostgresHome());

public sealed class PostgresJobRescueTests() : JobRescueTests(new PostgresHome());

public sealed class PostgresJobUniquenessTests() : JobUniquenessTests(new PostgresHome());

public sealed class PostgresJobLimitTests() : JobLimitTests(new PostgresHome());

public sealed class PostgresJobFollowerTests() : JobFollowerTests(new PostgresHome());

public sealed class PostgresJobListTests() : JobListTests(new PostgresHome());

public sealed class PostgresScheduleTests() : ScheduleTests(new PostgresHome());

public sealed class PostgresJobModelTests() : JobModelTests(new PostgresHome());
