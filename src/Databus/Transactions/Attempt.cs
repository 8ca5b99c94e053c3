using System.Data.Common;
using Databus.Destinations;

namespace Databus.Transactions;

/// <summary>One run of a function in a transaction of its own, with all that joined it.</summary>
internal sealed class Attempt(AtomicOptions options)
{
    private Exception? _failure;
    private bool _isWorthAnother;

    /// <summary>Committed or rolled back: whoever still comes has a transaction of their own.</summary>
    public bool IsOver { get; private set; }

    /// <summary>Runs a function again and again, until it ends, fails for good, or was tried often enough: then its last error is thrown.</summary>
    /// <param name="once">Begins, runs and commits; throws when nothing is committed.</param>
    public static async Task<T> RepeatAsync<T>(
        Func<Attempt, Task<T>> once, AtomicOptions options, TimeProvider time, Func<Exception, bool> isConflict, CancellationToken cancellationToken)
    {
        for (var count = 1; ; count++)
        {
            var attempt = new Attempt(options);
            try
            {
                return await once(attempt);
            }
            catch (Exception error) when (count < options.MaxAttempts && !cancellationToken.IsCancellationRequested && attempt.IsWorthAnother(error, options, isConflict))
            {
                // The transaction is rolled back, so nothing of it happened.
            }
            finally
            {
                attempt.IsOver = true;
            }

            await Task.Delay(BackOff.After(count, options.FirstWait, options.LongestWait, Random.Shared.NextDouble()), time, cancellationToken);
        }
    }

    /// <summary>To be called where something else than us runs the function again: what failed before was rolled back, and counts no more.</summary>
    public void BeginAnew()
    {
        _failure = null;
        _isWorthAnother = false;
    }

    /// <summary>Runs a function within this run. When it fails, all is undone, whatever its caller makes of the error.</summary>
    /// <param name="own">What the function that joins asks for; how often is decided by the outermost.</param>
    public async Task<T> JoinAsync<T>(Func<Task<T>> function, AtomicOptions? own, Func<Exception, bool> isConflict)
    {
        try
        {
            return await function();
        }
        catch (Exception error)
        {
            _failure ??= error;
            _isWorthAnother |= IsWorthAnother(error, own ?? options, isConflict);
            throw;
        }
    }

    /// <summary>To be called before the commit.</summary>
    /// <exception cref="InvalidOperationException">Something that joined has failed half done, and its caller went on.</exception>
    /// <exception cref="DbException">A statement has failed, its error was caught, and the database will commit nothing after it.</exception>
    public async Task ThrowIfFailedAsync(DbTransaction transaction, CancellationToken cancellationToken)
    {
        if (_failure is not null)
            throw new InvalidOperationException("A function that joined the transaction has failed, so it cannot be committed. Let the error through.", _failure);

        // After an error PostgreSQL turns a commit into a rollback, and its driver calls that a success.
        await using var question = transaction.Connection!.CreateCommand();
        question.CommandText = "SELECT 1";
        question.Transaction = transaction;
        await question.ExecuteScalarAsync(cancellationToken);
    }

    private bool IsWorthAnother(Exception error, AtomicOptions wanted, Func<Exception, bool> isConflict) =>
        _isWorthAnother || isConflict(error) || (wanted.RetriesIntegrityErrors && TransactionFailure.IsIntegrity(error));
}
