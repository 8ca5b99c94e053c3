using System.Globalization;
using System.Text;
using Databus.Destinations;

namespace Databus.Connectors.Http;

/// <summary>What an answer to a post says about what was posted, where every receiver means the same.</summary>
internal static class PostOutcome
{
    private const int LongestQuote = 200;

    /// <summary>
    /// A receiver that cannot be reached, or asks for patience, is unavailable. One that took the request and broke off has failed:
    /// it may be what was posted that breaks it, and then it must not go on for ever.
    /// </summary>
    /// <param name="status">Judges every status that is neither a success nor a plea for patience.</param>
    public static SendOutcome Of(FetchResult result, DateTimeOffset now, Func<int, SendResult> status)
    {
        if (result is FetchFailure failure)
            return new(failure.IsUnreachable ? SendResult.Unavailable : SendResult.Failed, failure.Reason);
        var answer = (FetchAnswer)result;
        var judged = answer.Status switch
        {
            >= 200 and < 300 => SendResult.Sent,
            429 or 502 or 503 or 504 => SendResult.Unavailable,
            var other => status(other),
        };
        return judged == SendResult.Sent ? SendOutcome.Sent : new(judged, Sentence(answer), Politeness.RetryAfter(answer, now));
    }

    private static string Sentence(FetchAnswer answer)
    {
        var quote = Quote(answer.Body.Span);
        var status = answer.Status.ToString(CultureInfo.InvariantCulture);
        return quote.Length == 0 ? $"The server answered {status}." : $"The server answered {status}: {quote}";
    }

    /// <summary>The beginning of what it said, in one line. It is a stranger's: nothing of it may move a terminal's cursor.</summary>
    private static string Quote(ReadOnlySpan<byte> body)
    {
        var text = Encoding.UTF8.GetString(body);
        var line = string.Create(text.Length, text, static (span, text) =>
        {
            for (var at = 0; at < text.Length; at++)
                span[at] = char.IsControl(text[at]) || char.GetUnicodeCategory(text[at]) is UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator ? ' ' : text[at];
        }).Trim();
        if (line.Length <= LongestQuote)
            return line;
        var end = char.IsHighSurrogate(line[LongestQuote - 1]) ? LongestQuote - 1 : LongestQuote;
        return line[..end] + "…";
    }
}
