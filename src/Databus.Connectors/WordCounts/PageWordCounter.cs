using System.Buffers;
using System.Text;
using System.Text.RegularExpressions;
using Databus.Connectors.Feeds;
using Databus.Connectors.Http;

namespace Databus.Connectors.WordCounts;

/// <summary>Fetches a page and counts its words.</summary>
internal sealed partial class PageWordCounter(GuardedHttpClient http)
{
    private const string Accept = "text/html, application/xhtml+xml, text/plain;q=0.8, text/*;q=0.5";

    /// <summary>So much of a text at least is looked at to tell it from what is none.</summary>
    private const int SampleLength = 64 * 1024;

    // What no text has, but for single mistakes.
    private static readonly SearchValues<char> ControlCharacters =
        SearchValues.Create([.. Enumerable.Range(1, 31).Select(code => (char)code).Where(c => c is not ('\t' or '\n' or '\v' or '\f' or '\r' or '\u001b')), '\uFFFD']);

    public async Task<PageWordCount> CountAsync(WordCount job, Action<double, string>? report, CancellationToken cancellationToken)
    {
        if (job.Top is < 1 or > WordCount.MostTop)
            return new PageWordFailure($"The number of words wanted (top) is 1 to {WordCount.MostTop}.", IsFinal: true);
        if (job.Language is { } wanted && !StopWords.All.ContainsKey(wanted))
            return new PageWordFailure($"There are no stop words of the language '{wanted}' here, only of {string.Join(", ", StopWords.All.Keys.Order(StringComparer.Ordinal))}.", IsFinal: true);
        if (!Uri.TryCreate(job.Url?.Trim(), UriKind.Absolute, out var address) || (address.Scheme != Uri.UriSchemeHttp && address.Scheme != Uri.UriSchemeHttps))
            return new PageWordFailure("The URL is not valid. It begins with http:// or https:// and names a page, for example https://example.org/.", IsFinal: true);

        report?.Invoke(0, "Fetching the page");
        switch (await http.GetAsync(address, Accept, validators: null, cancellationToken))
        {
            case FetchFailure failure:
                return new PageWordFailure($"The page could not be read. {failure.Reason}", failure.IsFinal);
            case FetchAnswer { Status: 200 } answer:
                report?.Invoke(0.5, "Counting the words");
                return Count(job, answer, cancellationToken);
            case FetchAnswer answer:
                // A server that is busy or broken may be well again soon.
                return new PageWordFailure(
                    $"The page could not be read. The server answered {answer.Status}.", IsFinal: answer.Status is < 500 and not (408 or 425 or 429));
            case var other:
                throw new InvalidOperationException($"A fetch ended as {other.GetType().Name}.");
        }
    }

    private static PageWordCount Count(WordCount job, FetchAnswer answer, CancellationToken cancellationToken)
    {
        var contentType = answer.Header("Content-Type");
        var mediaType = (contentType ?? "").Split(';')[0].Trim().ToLowerInvariant();
        var isHtml = mediaType is "" or "text/html" or "application/xhtml+xml";
        if (!isHtml && !mediaType.StartsWith("text/", StringComparison.Ordinal))
            return new PageWordFailure($"The page is no text, but {(mediaType.Length > 100 ? "something else" : mediaType)}.", IsFinal: true);
        var text = DocumentText.Decode(answer.Body.Span, MediaType.Charset(contentType) ?? DeclaredCharset(answer.Body.Span));
        if (IsBinary(text))
            return new PageWordFailure("The page is no text, whatever it says of itself.", IsFinal: true);

        var words = new WordTally();
        var (title, claimed) = (default(string), default(string));
        if (isHtml)
        {
            if (PageText.Count(text, words, cancellationToken) is not { } page)
                return new PageWordFailure($"The page has more than the {PageText.MostElements} elements that are allowed.", IsFinal: true);
            (title, claimed) = page;
        }
        else
        {
            words.Add(text);
            words.EndWord();
        }

        var stopWords = job.Language is { } wanted ? StopWords.All[wanted] : StopWords.Guess(words.Counts, claimed);
        return new PageWords(
            new WordCountResult(
                answer.Address.AbsoluteUri, title, stopWords?.Language, words.Total, words.Counts.Count, words.MostFrequent(job.Top, without: null),
                words.MostFrequent(job.Top, stopWords)),
            words.Counts);
    }

    private static bool IsBinary(string text)
    {
        var sample = text.AsSpan(0, Math.Min(text.Length, SampleLength));
        if (sample.Contains('\0'))
            return true;
        var found = 0;
        for (var rest = sample; rest.IndexOfAny(ControlCharacters) is >= 0 and var next; rest = rest[(next + 1)..])
            found++;
        return found > 8 && found > sample.Length / 100;
    }

    /// <summary>What the page itself says, near its beginning, as browsers look for it.</summary>
    private static string? DeclaredCharset(ReadOnlySpan<byte> bytes)
    {
        var match = MetaCharset().Match(Encoding.Latin1.GetString(bytes[..Math.Min(bytes.Length, 4096)]));
        return match.Success ? match.Groups["charset"].Value : null;
    }

    [GeneratedRegex(
        """<meta\s[^>]{0,400}?charset\s*=\s*["']?\s*(?<charset>[A-Za-z0-9._:-]{1,40})""",
        RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant, 1000)]
    private static partial Regex MetaCharset();
}

/// <summary>How counting the words of a page ended: <see cref="PageWords"/> or <see cref="PageWordFailure"/>.</summary>
internal abstract record PageWordCount;

/// <summary>It went well.</summary>
/// <param name="Counts">Of every word.</param>
internal sealed record PageWords(WordCountResult Result, IReadOnlyDictionary<string, int> Counts) : PageWordCount;

/// <summary>There is nothing to count.</summary>
/// <param name="Reason">One or two plain sentences for whoever wants the words.</param>
/// <param name="IsFinal">Trying again brings nothing else.</param>
internal sealed record PageWordFailure(string Reason, bool IsFinal) : PageWordCount;
