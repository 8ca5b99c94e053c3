using Databus.AspNetCore.Problems;
using Databus.Json;
using Databus.Storage;
using Databus.Topics;
using Microsoft.AspNetCore.Http;

namespace Databus.AspNetCore.Topics;

/// <summary>
/// Appends many items in batches, and counts. While one batch is on its way to disk the next is read, so memory holds
/// two batches, however many items come.
/// </summary>
internal sealed class BulkAppend(TopicLog log, Topic topic)
{
    private const int MaxErrors = 20;
    private const int ItemsPerBatch = 1000;
    private const int BytesPerBatch = 1 << 20;
    private static readonly TimeSpan BusyPause = TimeSpan.FromMilliseconds(50);

    private readonly List<BulkError> _errors = [];
    private List<NewItem> _batch = [];
    private int _batchBytes;
    private long _line;
    private long _invalidInBatch;
    private Task<AppendOutcome[]>? _onItsWay;
    private long _linesOnItsWay;
    private long _invalidOnItsWay;

    private long _added;
    private long _duplicates;
    private long _invalid;
    private long _linesDone;

    public BulkCounts Counts => new(_added, _duplicates, _invalid, _linesDone);

    /// <summary>The next line or element of the input, blank ones included.</summary>
    public void Skip() => _line++;

    public void Add(ReadOnlySpan<byte> json)
    {
        if (TopicLog.TryRead(topic, json, givenKey: null, source: null, out var item, out var error))
            Add(item);
        else
            Refuse(error.Kind is JsonErrorKind.InvalidJson or JsonErrorKind.KeyMissing ? $"{error.Sentence}. {error.Detail}" : error.Sentence);
    }

    public void Add(NewItem item)
    {
        _line++;
        _batch.Add(item);
        _batchBytes += item.Content.Length;
    }

    public void Refuse(string error)
    {
        _line++;
        _invalidInBatch++;
        if (_errors.Count < MaxErrors)
            _errors.Add(new BulkError(_line, error));
    }

    public bool IsBatchFull => _batch.Count >= ItemsPerBatch || _batchBytes >= BytesPerBatch;

    /// <summary>Sends the batch on its way, after the one before has arrived.</summary>
    public async Task SendBatchAsync(CancellationToken cancellationToken)
    {
        await ArriveAsync();
        _linesOnItsWay = _line;
        _invalidOnItsWay = _invalidInBatch;
        _onItsWay = AppendAsync(_batch, cancellationToken);
        _batch = new List<NewItem>(_batch.Count);
        _batchBytes = 0;
        _invalidInBatch = 0;
    }

    public async Task<IResult> FinishAsync(CancellationToken cancellationToken)
    {
        await SendBatchAsync(cancellationToken);
        await ArriveAsync();
        return Results.Json(new BulkAnswer(_added, _duplicates, _invalid, _errors), WireContext.Default.BulkAnswer);
    }

    private async Task ArriveAsync()
    {
        if (_onItsWay is not { } onItsWay)
            return;
        _onItsWay = null;
        foreach (var outcome in await onItsWay)
        {
            if (outcome.Added)
                _added++;
            else
                _duplicates++;
        }

        _invalid += _invalidOnItsWay;
        _linesDone = _linesOnItsWay;
    }

    /// <summary>A long stream waits its turn where a single request is told to come back.</summary>
    private async Task<AppendOutcome[]> AppendAsync(List<NewItem> items, CancellationToken cancellationToken)
    {
        if (items.Count == 0)
            return [];
        while (true)
        {
            try
            {
                return await log.AppendAsync(topic, items, CancellationToken.None);
            }
            catch (StoreException error) when (error.IsTransient)
            {
                await Task.Delay(BusyPause, cancellationToken);
            }
        }
    }
}
