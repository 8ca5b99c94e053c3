using Databus.Storage;
using Databus.Testing;

namespace Databus.Sqlite.Tests;

public sealed class WriterTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly FakeClock _clock = new();
    private readonly List<Exception> _failures = [];
    private readonly DataDirectory _directory;
    private readonly Writer _writer;

    public WriterTests()
    {
        _directory = DataDirectory.Open(_folder.Path);
        _writer = new Writer(_directory, _clock, maxWaitingRows: 100, _failures.Add);
        _writer.Prepare(session => session.Connection["CREATE TABLE notes (note TEXT PRIMARY KEY)"].Run());
        _writer.Start();
    }

    public void Dispose()
    {
        _writer.Dispose();
        _directory.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task One_failing_operation_does_not_fail_its_neighbours()
    {
        var gate = await OccupyAsync();
        var before = AddAsync("before");
        var failing = RunAsync<int>(session =>
        {
            Add(session, "half done");
            throw new InvalidOperationException("broken");
        });
        var twice = AddAsync("before");
        var after = AddAsync("after");
        gate.Set();

        await Task.WhenAll(before, after);
        Assert.Equal("broken", (await Assert.ThrowsAsync<InvalidOperationException>(() => failing)).Message);
        await Assert.ThrowsAsync<Microsoft.Data.Sqlite.SqliteException>(() => twice);
        Assert.Equal(["after", "before"], await NotesAsync());
        Assert.Empty(_failures);
    }

    [Fact]
    public async Task What_waits_together_is_committed_together()
    {
        var commits = 0;
        var gate = await OccupyAsync();
        var adds = Enumerable.Range(0, 50).Select(number => RunAsync(session =>
        {
            session.AfterCommit(() => commits++);
            return Add(session, $"{number}") + TransactionsOf(session);
        })).ToArray();
        gate.Set();
        Assert.Single((await Task.WhenAll(adds)).Distinct());
        Assert.Equal(50, commits);

        static int TransactionsOf(WriteSession session) =>
            SQLitePCL.raw.sqlite3_get_autocommit(session.Connection.Link.Handle) == 0 ? 1000 : 0;
    }

    [Fact]
    public async Task What_is_held_in_memory_follows_the_commit_before_anybody_is_answered()
    {
        // Who is told that a topic was created must find it.
        var gate = await OccupyAsync();
        var answeredFirst = true;
        Task<int>? adding = null;
        adding = RunAsync(session =>
        {
            session.AfterCommit(() => answeredFirst = adding!.IsCompleted);
            return Add(session, "note");
        });
        gate.Set();
        await adding;
        Assert.False(answeredFirst);
    }

    [Fact]
    public async Task Nobody_is_answered_before_the_commit()
    {
        // P1. Whoever has an answer finds what it says through another connection.
        for (var number = 0; number < 100; number++)
        {
            await AddAsync($"{number}");
            using var reader = Connection.OpenReader(_directory.DatabaseFile);
            Assert.Equal(number + 1L, reader["SELECT count(*) FROM notes"].Value());
        }
    }

    [Fact]
    public async Task Beyond_what_may_wait_a_request_is_refused_as_busy_and_nothing_is_done()
    {
        var gate = await OccupyAsync();
        var waiting = RunAsync(session => Add(session, "waiting"), rows: 100);
        var error = await Assert.ThrowsAsync<StoreException>(() => AddAsync("refused"));
        Assert.Equal((StoreProblem.Busy, true), (error.Problem, error.IsTransient));
        gate.Set();
        await waiting;

        // Room again, and one that is larger than the limit passes when nothing else waits.
        await RunAsync(session => Add(session, "large"), rows: 1_000_000);
        Assert.Equal(["large", "waiting"], await NotesAsync());
    }

    [Fact]
    public async Task More_than_one_transaction_takes_is_written_in_the_order_it_came()
    {
        var gate = await OccupyAsync();
        var order = new List<int>();
        var all = Enumerable.Range(0, 50).Select(number => _writer.RunAsync(
            _ =>
            {
                order.Add(number);
                return number;
            },
            SpaceNeed.Adds,
            CancellationToken.None,
            rows: 2)).ToArray();
        gate.Set();
        await Task.WhenAll(all);
        Assert.Equal(Enumerable.Range(0, 50), order);
    }

    [Fact]
    public async Task Closing_writes_what_waits_and_refuses_what_comes_later()
    {
        var gate = await OccupyAsync();
        var waiting = Enumerable.Range(0, 20).Select(number => AddAsync($"{number}")).ToArray();
        var closing = Task.Run(_writer.Dispose);
        gate.Set();
        await closing;
        await Task.WhenAll(waiting);
        Assert.Equal(StoreProblem.Stopped, (await Assert.ThrowsAsync<StoreException>(() => AddAsync("late"))).Problem);

        using var reader = Connection.OpenReader(_directory.DatabaseFile);
        Assert.Equal(20L, reader["SELECT count(*) FROM notes"].Value());
    }

    [Fact]
    public async Task What_was_cancelled_while_it_waited_is_not_done()
    {
        using var cancellation = new CancellationTokenSource();
        var gate = await OccupyAsync();
        var cancelled = _writer.RunAsync(session => Add(session, "cancelled"), SpaceNeed.Adds, cancellation.Token);
        var kept = AddAsync("kept");
        await cancellation.CancelAsync();
        gate.Set();
        await kept;
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
        Assert.Equal(["kept"], await NotesAsync());
    }

    [Fact]
    public async Task After_a_failure_that_leaves_open_what_is_on_disk_nothing_succeeds_any_more()
    {
        // P10. The codes of a failed fsync and of a corrupt file.
        var gate = await OccupyAsync();
        var earlier = AddAsync("earlier");
        var failing = RunAsync<int>(_ => throw new Microsoft.Data.Sqlite.SqliteException("disk I/O error", SQLitePCL.raw.SQLITE_IOERR, SQLitePCL.raw.SQLITE_IOERR_FSYNC));
        var later = AddAsync("later");
        gate.Set();

        foreach (var task in (Task[])[earlier, failing, later, AddAsync("much later")])
            Assert.Equal(StoreProblem.Stopped, (await Assert.ThrowsAsync<StoreException>(() => task)).Problem);
        Assert.Single(_failures);

        using var reader = Connection.OpenReader(_directory.DatabaseFile);
        Assert.Equal(0L, reader["SELECT count(*) FROM notes"].Value());
    }

    [Theory]
    [InlineData(SQLitePCL.raw.SQLITE_IOERR, true)]
    [InlineData(SQLitePCL.raw.SQLITE_CORRUPT, true)]
    [InlineData(SQLitePCL.raw.SQLITE_NOTADB, true)]
    [InlineData(SQLitePCL.raw.SQLITE_READONLY, true)]
    [InlineData(SQLitePCL.raw.SQLITE_FULL, false)]
    [InlineData(SQLitePCL.raw.SQLITE_CONSTRAINT, false)]
    [InlineData(SQLitePCL.raw.SQLITE_BUSY, false)]
    public void Errors_that_are_fatal_are_told_from_those_that_are_not(int code, bool fatal) =>
        Assert.Equal(fatal, SqliteErrors.IsFatal(new Microsoft.Data.Sqlite.SqliteException("error", code, code)));

    /// <summary>Keeps the writer busy until the gate is set, so that what is asked for meanwhile waits together.</summary>
    private async Task<ManualResetEventSlim> OccupyAsync()
    {
        var gate = new ManualResetEventSlim();
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _ = RunAsync(_ =>
        {
            begun.TrySetResult();
            gate.Wait();
            return 0;
        });
        await begun.Task;
        return gate;
    }

    private Task<T> RunAsync<T>(Func<WriteSession, T> work, int rows = 1) =>
        _writer.RunAsync(work, SpaceNeed.Adds, CancellationToken.None, rows);

    private Task<int> AddAsync(string note) => RunAsync(session => Add(session, note));

    private static int Add(WriteSession session, string note) =>
        session.Connection["INSERT INTO notes (note) VALUES ($note)"].Run(note);

    private Task<List<string>> NotesAsync() => RunAsync(session =>
    {
        using var rows = session.Connection["SELECT note FROM notes ORDER BY note"].Rows();
        var notes = new List<string>();
        while (rows.Read())
            notes.Add(rows.GetString(0));
        return notes;
    });
}
