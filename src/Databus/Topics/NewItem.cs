using Databus.Json;

namespace Databus.Topics;

/// <summary>An item that asks to be appended.</summary>
/// <param name="Content">One JSON object, valid UTF-8, without insignificant white space. Not copied: leave it alone afterwards.</param>
/// <param name="KeyHash">What decides about sameness within the topic.</param>
/// <param name="Key">The key as text; null when it is the SHA-256 of the canonical content.</param>
/// <param name="Source">Who brought it, or null.</param>
public readonly record struct NewItem(byte[] Content, KeyHash KeyHash, string? Key, string? Source)
{
    /// <summary>
    /// True: the key never expires, whatever the topic's window. Sources list the same entries for months,
    /// and an entry must not come again because it stayed listed for longer than the window.
    /// </summary>
    public bool KeyNeverExpires { get; init; }
}
