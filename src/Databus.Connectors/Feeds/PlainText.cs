using System.Net;
using System.Text;

namespace Databus.Connectors.Feeds;

/// <summary>One line of text without markup, as titles and names are.</summary>
internal static class PlainText
{
    /// <summary>Takes the tags out of HTML and decodes what is left; null where nothing is left.</summary>
    public static string? FromHtml(string? html) => html is null ? null : Line(WebUtility.HtmlDecode(WithoutTags(html)));

    /// <summary>Folds white space, drops control characters, bounds the length; null where nothing is left.</summary>
    public static string? Line(string? text)
    {
        if (text is null)
            return null;
        var result = new StringBuilder(Math.Min(text.Length, FeedLimits.MaxLineLength));
        var gap = false;
        for (var i = 0; i < text.Length && result.Length < FeedLimits.MaxLineLength; i++)
        {
            var paired = i + 1 < text.Length && char.IsSurrogatePair(text[i], text[i + 1]);
            if (char.IsWhiteSpace(text[i]))
            {
                gap = result.Length > 0;
            }
            else if (paired || !(char.IsControl(text[i]) || char.IsSurrogate(text[i])))
            {
                if (gap)
                    result.Append(' ');
                gap = false;
                result.Append(text, i, paired ? 2 : 1);
                i += paired ? 1 : 0;
            }
        }
        return result.Length == 0 ? null : result.ToString();
    }

    private static string WithoutTags(string html)
    {
        if (!html.Contains('<', StringComparison.Ordinal))
            return html;
        var result = new StringBuilder(html.Length);
        var position = 0;
        while (position < html.Length)
        {
            var open = html.IndexOf('<', position);
            if (open < 0)
                break;
            result.Append(html, position, open - position);
            var rest = html.AsSpan(open + 1);
            // "1 < 2" is no tag.
            if (rest.IsEmpty || !(char.IsAsciiLetter(rest[0]) || rest[0] is '/' or '!' or '?'))
            {
                result.Append('<');
                position = open + 1;
                continue;
            }
            var close = html.IndexOf('>', open);
            if (close < 0)
            {
                position = open;
                break;
            }
            if (SeparatesWords(rest))
                result.Append(' ');
            position = close + 1;
        }
        return result.Append(html, position, html.Length - position).ToString();
    }

    private static bool SeparatesWords(ReadOnlySpan<char> tag) =>
        tag.StartsWith("br", StringComparison.OrdinalIgnoreCase) || tag.StartsWith("p>", StringComparison.OrdinalIgnoreCase)
        || tag.StartsWith("/p", StringComparison.OrdinalIgnoreCase) || tag.StartsWith("li", StringComparison.OrdinalIgnoreCase)
        || tag.StartsWith("div", StringComparison.OrdinalIgnoreCase) || tag.StartsWith("/div", StringComparison.OrdinalIgnoreCase);
}
