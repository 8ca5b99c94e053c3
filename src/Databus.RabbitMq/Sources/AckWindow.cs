using System.Diagnostics.CodeAnalysis;

namespace Databus.RabbitMq.Sources;

/// <summary>
/// Which messages of one channel are to be acknowledged, by their tags: 1, 2, 3 … in the order in which they came. They are
/// taken in any order. One acknowledgement for several covers all before it, so it is made only where none of those is
/// still open. Safe for concurrent use.
/// </summary>
internal sealed class AckWindow
{
    private readonly Lock _gate = new();

    /// <summary>Taken, and not acknowledged yet.</summary>
    private readonly HashSet<ulong> _taken = [];

    /// <summary>Acknowledged by itself, or given back, while one before it is still open.</summary>
    private readonly HashSet<ulong> _settled = [];

    private ulong _closedTo;
    private bool _isAcknowledging;

    /// <summary>True: the caller acknowledges from now on, until <see cref="TryNext"/> has no more. False: somebody does already.</summary>
    public bool Take(ulong tag)
    {
        lock (_gate)
        {
            _taken.Add(tag);
            if (_isAcknowledging)
                return false;
            _isAcknowledging = true;
            return true;
        }
    }

    /// <summary>It was given back and is never acknowledged.</summary>
    public void GiveBack(ulong tag)
    {
        lock (_gate)
            _settled.Add(tag);
    }

    /// <summary>What is to be acknowledged now.</summary>
    /// <param name="upTo">This one and all before it; 0: none.</param>
    /// <param name="single">These, each by itself, because one before them is open.</param>
    public bool TryNext(out ulong upTo, [NotNullWhen(true)] out IReadOnlyList<ulong>? single)
    {
        lock (_gate)
        {
            upTo = 0;
            for (; ; _closedTo++)
            {
                // The broker refuses to acknowledge several up to one that it has settled already.
                if (_taken.Remove(_closedTo + 1))
                    upTo = _closedTo + 1;
                else if (!_settled.Remove(_closedTo + 1))
                    break;
            }

            single = [.. _taken];
            _settled.UnionWith(_taken);
            _taken.Clear();
            _isAcknowledging = upTo > 0 || single.Count > 0;
            return _isAcknowledging;
        }
    }
}
