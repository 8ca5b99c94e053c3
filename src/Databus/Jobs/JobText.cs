using System.Text;

namespace Databus.Jobs;

/// <summary>Text of handlers and exceptions, which can hold anything, as every store takes it.</summary>
internal static class JobText
{
    public const int LongestError = 2000;

    /// <summary>
    /// The beginning of it, with a mark in place of what is no character: NUL, which PostgreSQL refuses, and halves of
    /// characters.
    /// </summary>
    public static string Fit(string text, int longest)
    {
        if (text.Length > longest)
        {
            var end = char.IsHighSurrogate(text[longest - 2]) ? longest - 2 : longest - 1;
            text = string.Concat(text.AsSpan(0, end), "…");
        }

        if (text.Contains('\0', StringComparison.Ordinal))
            text = text.Replace('\0', '\uFFFD');
        return text.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF') ? Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text)) : text;
    }

    /// <summary>Type and message; of what was expected, the message.</summary>
    public static string Describe(Exception error) =>
        Fit(error is JobFailedException ? error.Message : $"{error.GetType()}: {error.Message}", LongestError);
}
