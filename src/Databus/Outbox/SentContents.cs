using System.Data;
using System.Data.Common;
using Microsoft.Extensions.DependencyInjection;

namespace Databus.Outbox;

/// <summary>
/// Deletes what sent messages had in a table of their own, in the transaction that ends their claim, and finds out which of it cannot
/// be deleted: something else may refer to it.
/// </summary>
internal sealed class SentContents
{
    private const string Savepoint = "databus_content";

    private readonly OutboxType _type;
    private readonly IReadOnlyList<ClaimedOutboxMessage> _sent;
    private readonly IServiceScopeFactory _scopes;
    private readonly Dictionary<long, Exception> _refused = [];
    private bool _goesOneByOne;

    private SentContents(OutboxType type, IReadOnlyList<ClaimedOutboxMessage> sent, IServiceScopeFactory scopes)
    {
        _type = type;
        _sent = sent;
        _scopes = scopes;
    }

    /// <summary>Null: nothing was sent.</summary>
    public static SentContents? Of(OutboxType type, OutboxBatch batch, IReadOnlyList<OutboxEnd> ends, IServiceScopeFactory scopes)
    {
        var ids = ends.Where(end => end.Result == OutboxResult.Sent).Select(end => end.Id).ToHashSet();
        return ids.Count == 0 ? null : new SentContents(type, [.. batch.Messages.Where(message => ids.Contains(message.Id))], scopes);
    }

    /// <summary>The first time all at once; when that fails, each by itself, to know which it is.</summary>
    public async Task DeleteAsync(DbTransaction transaction, CancellationToken cancellationToken)
    {
        await using var scope = _scopes.CreateAsyncScope();
        if (!_goesOneByOne)
        {
            _goesOneByOne = true;
            await _type.DeleteContentsAsync(scope.ServiceProvider, transaction, [.. _sent.Select(message => (ReadOnlyMemory<byte>)message.Content)], cancellationToken);
            return;
        }

        _refused.Clear();
        foreach (var message in _sent)
        {
            await transaction.SaveAsync(Savepoint, cancellationToken);
            try
            {
                await _type.DeleteContentsAsync(scope.ServiceProvider, transaction, [message.Content], cancellationToken);
                await transaction.ReleaseAsync(Savepoint, cancellationToken);
            }
            catch (Exception error) when (transaction.Connection is { State: ConnectionState.Open })
            {
                // The connection is not to blame.
                await transaction.RollbackAsync(Savepoint, cancellationToken);
                _refused[message.Id] = error;
            }
        }

        // Their messages cannot be parked from here: all of it begins anew without them.
        if (_refused.Count > 0)
            throw new InvalidOperationException("Contents of messages that were sent cannot be deleted.", _refused.Values.First());
    }

    /// <summary>Parks those whose contents are in the way; where it is not known which, all.</summary>
    /// <param name="error">What ending the claim came to.</param>
    public void Park(List<OutboxEnd> ends, Exception error)
    {
        for (var place = 0; place < ends.Count; place++)
        {
            var end = ends[place];
            if (end.Result == OutboxResult.Sent && (_refused.Count == 0 || _refused.ContainsKey(end.Id)))
            {
                // Nobody waits for it: it was sent.
                ends[place] = new OutboxEnd(
                    end.Id, OutboxResult.Parked, $"It was sent, but its contents could not be deleted: {_refused.GetValueOrDefault(end.Id, error).Message} A replay would send it again.");
            }
        }
    }
}
