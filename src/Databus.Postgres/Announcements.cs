using System.Globalization;
using System.Text;
using Databus.Topics;

namespace Databus.Postgres;

/// <summary>
/// What one node tells the others: which topics reach how far, which subscriptions have something to take again, from which
/// job up a queue has something to claim, that jobs ended, that something was configured. Gathered, because a NOTIFY takes a lock that all share.
/// </summary>
internal sealed class Announcements
{
    public const string JobsChanged = "e";

    private const int MaxPayload = 7500;

    private readonly Lock _gate = new();
    private readonly Dictionary<int, long> _lastIds = [];
    private readonly HashSet<(int Topic, string Subscription)> _woken = [];
    private readonly Dictionary<string, long> _claimable = new(StringComparer.Ordinal);
    private bool _isConfigured;
    private bool _haveJobsChanged;
    private TaskCompletionSource _something = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Ends when there is something to tell.</summary>
    public Task Something
    {
        get
        {
            lock (_gate)
                return _something.Task;
        }
    }

    public void Appended(Topic topic, long lastId)
    {
        lock (_gate)
        {
            _lastIds[topic.Number] = Math.Max(lastId, _lastIds.GetValueOrDefault(topic.Number));
            _something.TrySetResult();
        }
    }

    public void Woken(Topic topic, string subscription)
    {
        lock (_gate)
        {
            _woken.Add((topic.Number, subscription));
            _something.TrySetResult();
        }
    }

    public void Configured()
    {
        lock (_gate)
        {
            _isConfigured = true;
            _something.TrySetResult();
        }
    }

    public void Jobs(JobEffects effects)
    {
        lock (_gate)
        {
            foreach (var (queue, id) in effects.Woken)
                _claimable[queue] = Math.Min(id, _claimable.GetValueOrDefault(queue, long.MaxValue));
            _haveJobsChanged |= effects.HasEnds;
            if (effects.Woken.Count > 0 || effects.HasEnds)
                _something.TrySetResult();
        }
    }

    /// <summary>What a transaction tells by itself when it commits. Every node hears it, also the one it runs on.</summary>
    public static IEnumerable<string> OfTransaction(JobEffects effects) =>
        Texts(effects.Woken.Select(one => Claimable(one.Key, one.Value)).Concat(effects.HasEnds ? [JobsChanged] : []), sender: "-");

    /// <summary>All there is to tell, in as few texts as fit the protocol.</summary>
    public List<string> Take(string sender)
    {
        lock (_gate)
        {
            _something = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var words = new List<string>();
            if (_isConfigured)
                words.Add("c");
            foreach (var (topic, lastId) in _lastIds)
                words.Add(string.Create(CultureInfo.InvariantCulture, $"a{topic}:{lastId}"));
            foreach (var (topic, subscription) in _woken)
                words.Add(string.Create(CultureInfo.InvariantCulture, $"w{topic}:{subscription}"));
            foreach (var (queue, id) in _claimable)
                words.Add(Claimable(queue, id));
            if (_haveJobsChanged)
                words.Add(JobsChanged);
            _isConfigured = false;
            _haveJobsChanged = false;
            _claimable.Clear();
            _lastIds.Clear();
            _woken.Clear();

            return Texts(words, sender);
        }
    }

    private static string Claimable(string queue, long id) => string.Create(CultureInfo.InvariantCulture, $"j{id}:{queue}");

    private static List<string> Texts(IEnumerable<string> words, string sender)
    {
        var texts = new List<string>();
        var text = new StringBuilder();
        foreach (var word in words)
        {
            if (text.Length + word.Length > MaxPayload)
            {
                texts.Add(text.ToString());
                text.Clear();
            }

            text.Append(text.Length == 0 ? sender : "").Append(' ').Append(word);
        }

        if (text.Length > 0)
            texts.Add(text.ToString());
        return texts;
    }
}
