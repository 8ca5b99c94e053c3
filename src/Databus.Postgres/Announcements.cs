using System.Globalization;
using System.Text;
using Databus.Topics;

namespace Databus.Postgres;

/// <summary>
/// What one node tells the others: which topics reach how far, which subscriptions have something to take again, that
/// something was configured. Gathered, because a NOTIFY takes a lock that all share.
/// </summary>
internal sealed class Announcements
{
    private const int MaxPayload = 7500;

    private readonly Lock _gate = new();
    private readonly Dictionary<int, long> _lastIds = [];
    private readonly HashSet<(int Topic, string Subscription)> _woken = [];
    private bool _isConfigured;
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
            _isConfigured = false;
            _lastIds.Clear();
            _woken.Clear();

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
}
