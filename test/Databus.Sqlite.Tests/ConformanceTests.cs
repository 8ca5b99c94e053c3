using Databus.StoreSuite;

namespace Databus.Sqlite.Tests;

public sealed class SqliteTopicTests() : TopicTests(new SqliteHome());

public sealed class SqliteAppendTests() : AppendTests(new SqliteHome());

public sealed class SqliteReadingTests() : ReadingTests(new SqliteHome());

public sealed class SqliteSubscriptionTests() : SubscriptionTests(new SqliteHome());

public sealed class SqlitePushTests() : PushTests(new SqliteHome());

public sealed class SqliteLeaseTests() : LeaseTests(new SqliteHome());

public sealed class SqliteNegativeAcknowledgementTests() : NegativeAcknowledgementTests(new SqliteHome());

public sealed class SqliteDeadLetterTests() : DeadLetterTests(new SqliteHome());

public sealed class SqliteRewindTests() : RewindTests(new SqliteHome());

public sealed class SqliteRetentionTests() : RetentionTests(new SqliteHome());

public sealed class SqliteSourceTests() : SourceTests(new SqliteHome());

public sealed class SqliteTokenTests() : TokenTests(new SqliteHome());

public sealed class SqliteNodeTests() : NodeTests(new SqliteHome());

public sealed class SqliteRestartTests() : RestartTests(new SqliteHome());

public sealed class SqliteModelTests() : ModelTests(new SqliteHome());

public sealed class SqliteJobTests() : JobTests(new SqliteHome());

public sealed class SqliteJobCompletionTests() : JobCompletionTests(new SqliteHome());

public sealed class SqliteJobRescueTests() : JobRescueTests(new SqliteHome());

public sealed class SqliteJobUniquenessTests() : JobUniquenessTests(new SqliteHome());

public sealed class SqliteJobLimitTests() : JobLimitTests(new SqliteHome());

public sealed class SqliteJobFollowerTests() : JobFollowerTests(new SqliteHome());

public sealed class SqliteJobListTests() : JobListTests(new SqliteHome());

public sealed class SqliteScheduleTests() : ScheduleTests(new SqliteHome());

public sealed class SqliteJobModelTests() : JobModelTests(new SqliteHome());
