using System.IO.Compression;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Databus.Connectors.Http;
using Databus.Connectors.WordCounts;
using Microsoft.AspNetCore.Http;

namespace Databus.Connectors.Tests.WordCounts;

public sealed class PageWordCounterTests
{
    private const int Limit = 1024 * 1024;
    private const string TooLarge = "The page could not be read. The document is larger than the 1048576 bytes that are allowed.";

    [Fact]
    public async Task A_page_is_counted_and_what_happens_is_told()
    {
        await using var server = await HtmlAsync("<html lang=en><title>A page</title><p>The cat and the dog. The cat!");
        using var client = Guarded.Client();
        var told = new List<(double Progress, string Message)>();
        var count = await new PageWordCounter(client).CountAsync(
            new WordCount(server.Address.AbsoluteUri, Top: 2), (progress, message) => told.Add((progress, message)), CancellationToken.None);
        var result = Assert.IsType<PageWords>(count).Result;
        Assert.Equal((server.Address.AbsoluteUri, "A page", "en", 7, 4), (result.Url, result.Title, result.Language, result.Total, result.Distinct));
        Assert.Equal([new WordFrequency("the", 3), new WordFrequency("cat", 2)], result.Top);
        Assert.Equal([new WordFrequency("cat", 2), new WordFrequency("dog", 1)], result.TopWithoutStopWords);
        Assert.Equal([(0, "Fetching the page"), (0.5, "Counting the words")], told);
    }

    [Theory]
    [InlineData(null, "dog")]
    [InlineData("en", "dog")]
    [InlineData("de", "the")]
    public async Task The_stop_words_of_another_language_can_be_asked_for(string? language, string first)
    {
        await using var server = await HtmlAsync("the dog the");
        Assert.Equal(first, (await WordsAsync(new WordCount(server.Address.AbsoluteUri, Language: language))).TopWithoutStopWords[0].Word);
    }

    [Theory]
    [InlineData("text/html; charset=iso-8859-1", "<p>caf\u00e9", "iso-8859-1", "caf\u00e9")]
    [InlineData("text/html", "<meta charset=\"koi8-r\"><p>\u0441\u043b\u043e\u0432\u043e", "koi8-r", "\u0441\u043b\u043e\u0432\u043e")]
    [InlineData("text/html", "<meta http-equiv=Content-Type content='text/html; charset=windows-1251'><p>\u0441\u043b\u043e\u0432\u043e", "windows-1251", "\u0441\u043b\u043e\u0432\u043e")]
    [InlineData("text/plain", "<p>caf\u00e9", "utf-8", "caf\u00e9")]
    [InlineData("text/plain; charset=utf-16le", "caf\u00e9", "utf-16", "caf\u00e9")]
    [InlineData("application/xhtml+xml", "<?xml version='1.0' encoding='iso-8859-1'?><p>caf\u00e9</p>", "iso-8859-1", "caf\u00e9")]
    [InlineData(null, "<p>caf\u00e9", "utf-8", "caf\u00e9")]
    public async Task The_charset_is_found(string? contentType, string text, string charset, string word)
    {
        var encoding = CodePagesEncodingProvider.Instance.GetEncoding(charset) ?? Encoding.GetEncoding(charset);
        await using var server = await LoopbackServer.StartAsync(context =>
        {
            context.Response.ContentType = contentType;
            return context.Response.Body.WriteAsync((byte[])[.. encoding.GetPreamble().Length == 2 ? encoding.GetPreamble() : [], .. encoding.GetBytes(text)]).AsTask();
        });
        Assert.Contains((await WordsAsync(new WordCount(server.Address.AbsoluteUri))).Top, found => found.Word == word);
    }

    [Fact]
    public async Task A_page_without_words_has_none()
    {
        await using var server = await HtmlAsync("<img src=x> 1 2 3");
        var result = await WordsAsync(new WordCount(server.Address.AbsoluteUri));
        Assert.Equal((0, 0, null, null), (result.Total, result.Distinct, result.Title, result.Language));
        Assert.Empty(result.Top);
    }

    [Theory]
    [InlineData("")]
    [InlineData("example.org")]
    [InlineData("ftp://example.org/")]
    [InlineData("file:///etc/passwd")]
    [InlineData("javascript:alert(1)")]
    [InlineData("http://")]
    [InlineData("/etc/passwd")]
    public async Task A_url_that_is_none_is_refused(string url) => Assert.Equal(
        ("The URL is not valid. It begins with http:// or https:// and names a page, for example https://example.org/.", true), await FailAsync(new WordCount(url)));

    [Theory]
    [InlineData(0)]
    [InlineData(1001)]
    public async Task A_number_of_words_out_of_range_is_refused(int top) =>
        Assert.Equal(("The number of words wanted (top) is 1 to 1000.", true), await FailAsync(new WordCount("https://example.org/", top)));

    [Fact]
    public async Task A_language_without_stop_words_is_refused() => Assert.Equal(
        ("There are no stop words of the language 'xx' here, only of cs, de, en, es, fr, it, nl, pt, ru.", true),
        await FailAsync(new WordCount("https://example.org/", Language: "xx")));

    [Theory]
    [InlineData(404, true)]
    [InlineData(410, true)]
    [InlineData(204, true)]
    [InlineData(429, false)]
    [InlineData(503, false)]
    public async Task Another_answer_than_a_page_is_named_and_tried_again_where_it_may_help(int status, bool isFinal)
    {
        await using var server = await LoopbackServer.StartAsync(context =>
        {
            context.Response.StatusCode = status;
            return Task.CompletedTask;
        });
        Assert.Equal(($"The page could not be read. The server answered {status}.", isFinal), await FailAsync(new WordCount(server.Address.AbsoluteUri)));
    }

    [Fact]
    public async Task A_server_that_is_not_there_is_tried_again()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var address = $"http://{listener.LocalEndpoint}/";
        listener.Stop();
        Assert.Equal(("The page could not be read. The server refused the connection.", false), await FailAsync(new WordCount(address)));
    }

    [Fact]
    public async Task An_internal_address_is_refused_unless_it_is_allowed()
    {
        await using var server = await HtmlAsync("secret");
        Assert.Equal(
            ("The page could not be read. The address 127.0.0.1 is internal and not allowed.", true),
            await FailAsync(new WordCount(server.Address.AbsoluteUri), options => options.AllowedNetworks.Clear()));
        Assert.Empty(server.Requests);
    }

    [Theory]
    [InlineData("http://127.0.0.2/")]
    [InlineData("http://169.254.169.254/latest/meta-data/")]
    [InlineData("http://[::1]/")]
    [InlineData("http://10.0.0.1/")]
    public async Task A_redirect_to_an_internal_address_is_refused(string location)
    {
        await using var server = await LoopbackServer.StartAsync(context =>
        {
            context.Response.Redirect(location);
            return Task.CompletedTask;
        });
        Assert.Equal(
            ($"The page could not be read. The address {new Uri(location).Host.Trim('[', ']')} is internal and not allowed.", true),
            await FailAsync(new WordCount(server.Address.AbsoluteUri)));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_page_of_a_gigabyte_is_refused_and_costs_no_more_than_the_limit(bool saysSo)
    {
        // Kestrel takes what is written to somebody who has gone, and says for a while that it was sent.
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var sending = SendGigabyteAsync(listener, saysSo);
        var before = GC.GetTotalAllocatedBytes(precise: true);
        Assert.Equal((TooLarge, true), await FailAsync(new WordCount($"http://{listener.LocalEndpoint}/")));
        Assert.InRange(GC.GetTotalAllocatedBytes(precise: true) - before, 0, 32 * Limit);
        Assert.InRange(await sending, 0, 32 * Limit);
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("br")]
    public async Task A_compression_bomb_is_refused_and_costs_no_more_than_the_limit(string encoding)
    {
        var bomb = new MemoryStream();
        await using (Stream compressed = encoding == "gzip" ? new GZipStream(bomb, CompressionLevel.Fastest, leaveOpen: true) : new BrotliStream(bomb, CompressionLevel.Fastest, leaveOpen: true))
        {
            var block = new byte[Limit];
            Array.Fill(block, (byte)' ');
            for (var i = 0; i < 512; i++)
                await compressed.WriteAsync(block);
        }

        await using var server = await LoopbackServer.StartAsync(async context =>
        {
            context.Response.ContentType = "text/html";
            context.Response.Headers.ContentEncoding = encoding;
            await context.Response.Body.WriteAsync(bomb.GetBuffer().AsMemory(0, (int)bomb.Length));
        });
        var before = GC.GetTotalAllocatedBytes(precise: true);
        Assert.Equal((TooLarge, true), await FailAsync(new WordCount(server.Address.AbsoluteUri)));
        Assert.InRange(GC.GetTotalAllocatedBytes(precise: true) - before, 0, 32 * Limit);
    }

    [Fact]
    public async Task A_page_that_never_ends_is_given_up()
    {
        await using var server = await LoopbackServer.StartAsync(async context =>
        {
            context.Response.ContentType = "text/html";
            while (!context.RequestAborted.IsCancellationRequested)
            {
                await context.Response.WriteAsync("word ", context.RequestAborted);
                await context.Response.Body.FlushAsync(context.RequestAborted);
                await Task.Delay(20, context.RequestAborted);
            }
        });
        Assert.Equal(
            ("The page could not be read. The server did not send its whole answer within 0.3 s.", false),
            await FailAsync(new WordCount(server.Address.AbsoluteUri), options => options.Timeout = TimeSpan.FromMilliseconds(300)));
    }

    [Theory]
    [InlineData("image/png", "The page is no text, but image/png.")]
    [InlineData("application/octet-stream", "The page is no text, but application/octet-stream.")]
    [InlineData("text/html", "The page is no text, whatever it says of itself.")]
    [InlineData("text/plain; charset=windows-1252", "The page is no text, whatever it says of itself.")]
    [InlineData(null, "The page is no text, whatever it says of itself.")]
    public async Task A_binary_is_refused_whatever_it_says_of_itself(string? contentType, string reason)
    {
        var random = new byte[100_000];
        new Random(1).NextBytes(random);

        // Also one in which no byte is zero.
        for (var i = 0; i < random.Length; i++)
            random[i] = Math.Max((byte)1, random[i]);
        await using var server = await LoopbackServer.StartAsync(context =>
        {
            context.Response.ContentType = contentType;
            return context.Response.Body.WriteAsync(random).AsTask();
        });
        Assert.Equal((reason, true), await FailAsync(new WordCount(server.Address.AbsoluteUri)));
    }

    [Fact]
    public async Task The_callers_cancellation_is_no_outcome()
    {
        await using var server = await LoopbackServer.StartAsync(context => Task.Delay(Timeout.Infinite, context.RequestAborted));
        using var client = Guarded.Client();
        using var cancellation = new CancellationTokenSource(TimeSpan.FromMilliseconds(100));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => new PageWordCounter(client).CountAsync(new WordCount(server.Address.AbsoluteUri), report: null, cancellation.Token));
    }

    /// <summary>Returns how much of it could be sent.</summary>
    private static async Task<long> SendGigabyteAsync(TcpListener listener, bool saysSo)
    {
        using var client = await listener.AcceptTcpClientAsync(TestContext.Current.CancellationToken);
        await using var stream = client.GetStream();
        var block = new byte[64 * 1024];
        _ = await stream.ReadAsync(block);
        var length = saysSo ? $"Content-Length: {1L << 30}\r\n" : "";
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n{length}\r\n"));
        Array.Fill(block, (byte)'a');
        var sent = 0L;
        try
        {
            for (; sent < 1L << 30; sent += block.Length)
                await stream.WriteAsync(block);
        }
        catch (IOException)
        {
            // Nobody reads any more.
        }

        return sent;
    }

    private static Task<LoopbackServer> HtmlAsync(string html) => LoopbackServer.StartAsync(context =>
    {
        context.Response.ContentType = "text/html; charset=utf-8";
        return context.Response.WriteAsync(html);
    });

    private static async Task<WordCountResult> WordsAsync(WordCount job)
    {
        using var client = Guarded.Client();
        return Assert.IsType<PageWords>(await new PageWordCounter(client).CountAsync(job, report: null, CancellationToken.None)).Result;
    }

    private static async Task<(string Reason, bool IsFinal)> FailAsync(WordCount job, Action<GuardedHttpOptions>? configure = null)
    {
        using var client = Guarded.Client(options =>
        {
            options.MaxResponseBytes = Limit;
            configure?.Invoke(options);
        });
        var failure = Assert.IsType<PageWordFailure>(await new PageWordCounter(client).CountAsync(job, report: null, CancellationToken.None));
        return (failure.Reason, failure.IsFinal);
    }
}
