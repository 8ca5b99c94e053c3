using Databus.Json;

namespace Databus.Topics;

/// <summary>What a topic's owner decides about it. Changes hold for items appended from then on.</summary>
public sealed record TopicSettings
{
    /// <summary>14 days, as scrapers' operators are used to (1 209 600 s).</summary>
    public static readonly TimeSpan DefaultWindow = TimeSpan.FromDays(14);

    /// <summary>Windows and retentions lie between one second and this.</summary>
    public static readonly TimeSpan LongestTime = TimeSpan.FromDays(36_500);

    public static readonly TopicSettings Default = new();

    /// <summary>
    /// JSON pointers (RFC 6901) to the values that are an item's key; none: the key is the SHA-256 of
    /// the canonical content. At most 16. A key that the sender gives goes before both.
    /// </summary>
    /// <exception cref="ArgumentException">One of them is no JSON pointer, or there are too many.</exception>
    public IReadOnlyList<string> KeyPointers
    {
        get;
        init
        {
            field = value;
            KeyRule = value.Count == 0 ? null : Parse(value);
        }
    } = [];

    /// <summary>How long a key stays taken. Default 14 days.</summary>
    public TimeSpan Window { get; init; } = DefaultWindow;

    /// <summary>
    /// Items older than this are removed once every subscription has passed them and none holds them as
    /// in flight or dead. Null, the default, keeps them for ever. The key lives its own window, whatever
    /// becomes of the item.
    /// </summary>
    public TimeSpan? Retention { get; init; }

    /// <summary>The key pointers, ready to use; null when there are none.</summary>
    internal KeyPointers? KeyRule { get; private init; }

    private static KeyPointers Parse(IReadOnlyList<string> pointers) =>
        Json.KeyPointers.TryParse(pointers, out var rule, out var error) ? rule : throw new ArgumentException(error, nameof(pointers));
}
