namespace Databus.Storage;

/// <summary>
/// The rule for names of topics, subscriptions, sources and tokens: 1 to 100 characters out of
/// <c>A-Z a-z 0-9 . _ -</c>, the first one a letter or a digit. Such a name needs no escaping in a URL,
/// a file name, a log line or a page.
/// </summary>
public static class ResourceName
{
    public const int MaxLength = 100;

    public static bool IsValid(string? name)
    {
        if (string.IsNullOrEmpty(name) || name.Length > MaxLength || !char.IsAsciiLetterOrDigit(name[0]))
            return false;
        foreach (var c in name)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('.' or '_' or '-'))
                return false;
        }

        return true;
    }
}
