using System.IO.Compression;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Databus.Connectors.Http;
using Microsoft.AspNetCore.Http;

namespace Databus.Connectors.Tests.Http;

public sealed class GuardedHttpClientTests
{
    [Fact]
    public async Task A_body_arrives_with_its_headers()
    {
        await using var server = await LoopbackServer.StartAsync(context =>
        {
            context.Response.Headers.ETag = "\"1\"";
            return context.Response.WriteAsync("hello");
        });
        using var client = Guarded.Client();

        var answer = Assert.IsType<FetchAnswer>(await client.GetAsync(server.Address, "text/plain", null, default));

        Assert.Equal(200, answer.Status);
        Assert.Equal("hello", Encoding.UTF8.GetString(answer.Body.Span));
        Assert.Equal("\"1\"", answer.Header("etag"));
        var request = Assert.Single(server.Requests);
        Assert.Equal("text/plain", request["Accept"]);
        Assert.StartsWith("Databus/", request["User-Agent"], StringComparison.Ordinal);
        Assert.DoesNotContain("traceparent", request.Keys, StringComparer.OrdinalIgnoreCase);
        Assert.DoesNotContain("Cookie", request.Keys, StringComparer.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task An_internal_address_is_refused_unless_its_network_is_allowed()
    {
        await using var server = await LoopbackServer.StartAsync(_ => Task.CompletedTask);
        using var client = Guarded.Client(options => options.AllowedNetworks.Clear());

        Assert.Equal(
            "The address 127.0.0.1 is internal and not allowed.", await ReasonAsync(client, server.Address));
        Assert.Empty(server.Requests);
    }

    [Fact]
    public async Task The_judged_address_is_the_one_connected_to()
    {
        await using var server = await LoopbackServer.StartAsync(_ => Task.CompletedTask);
        var resolved = 0;
        using var client = Guarded.Client(resolve: (_, _) =>
        {
            // A hostile name server: the first answer is harmless, later ones are not.
            var address = resolved++ == 0 ? "127.0.0.1" : "127.0.0.2";
            return Task.FromResult<IPAddress[]>([IPAddress.Parse(address)]);
        });
        var url = new Uri($"http://feed.example:{server.Address.Port}/");

        Assert.IsType<FetchAnswer>(await client.GetAsync(url, "*/*", null, default));

        Assert.Equal(1, resolved);
        Assert.Equal($"feed.example:{server.Address.Port}", Assert.Single(server.Requests)["Host"]);
    }

    [Fact]
    public async Task Of_several_addresses_only_the_allowed_ones_are_tried()
    {
        await using var server = await LoopbackServer.StartAsync(_ => Task.CompletedTask);
        using var client = Guarded.Client(resolve: (_, _) => Task.FromResult<IPAddress[]>(
            [IPAddress.Parse("10.0.0.1"), IPAddress.Parse("127.0.0.1")]));

        Assert.IsType<FetchAnswer>(await client.GetAsync(
            new Uri($"http://feed.example:{server.Address.Port}/"), "*/*", null, default));
    }

    [Theory]
    [InlineData("http://127.0.0.2/", "The address 127.0.0.2 is internal and not allowed.")]
    [InlineData("http://[::1]/", "The address ::1 is internal and not allowed.")]
    [InlineData("file:///etc/passwd", "Only http and https addresses are read.")]
    [InlineData("http://user:secret@127.0.0.1/", "The address carries a user name or password, which is not supported.")]
    [InlineData("http://[", "The server redirected to something that is not an address.")]
    public async Task A_redirect_is_judged_as_an_address_is(string location, string reason)
    {
        await using var server = await LoopbackServer.StartAsync(context =>
        {
            context.Response.StatusCode = 302;
            context.Response.Headers.Location = location;
            return Task.CompletedTask;
        });
        using var client = Guarded.Client();

        Assert.Equal(reason, await ReasonAsync(client, server.Address));
    }

    [Theory]
    [InlineData("/a 301, /b 308, /c 307", false)]
    [InlineData("/a 302, /b 301, /c 301", false)]
    [InlineData("/a 301, /b 308, /c 301", true)]
    public async Task Only_a_chain_of_permanent_redirects_moves_for_good(string chain, bool moves)
    {
        var hops = chain.Split(", ").Select(hop => hop.Split(' ')).ToArray();
        await using var server = await LoopbackServer.StartAsync(context =>
        {
            var hop = Array.FindIndex(hops, h => h[0] == context.Request.Path);
            if (hop >= 0)
            {
                context.Response.StatusCode = int.Parse(hops[hop][1]);
                context.Response.Headers.Location = hop + 1 < hops.Length ? hops[hop + 1][0] : "/end";
            }
            return Task.CompletedTask;
        });
        using var client = Guarded.Client();

        var result = await client.GetAsync(new Uri(server.Address, "/a"), "*/*", null, default);

        var answer = Assert.IsType<FetchAnswer>(result);
        Assert.Equal("/end", answer.Address.AbsolutePath);
        Assert.Equal(moves ? new Uri(server.Address, "/end") : null, answer.MovedTo);
    }

    [Fact]
    public async Task Redirects_end()
    {
        await using var server = await LoopbackServer.StartAsync(context =>
        {
            context.Response.Redirect("/again");
            return Task.CompletedTask;
        });
        using var client = Guarded.Client();

        Assert.Equal("The server redirected more than 5 times.", await ReasonAsync(client, server.Address));
        Assert.Equal(6, server.Requests.Count);
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("br")]
    [InlineData("deflate")]
    public async Task Compressed_bodies_are_read(string encoding)
    {
        await using var server = await LoopbackServer.StartAsync(async context =>
        {
            context.Response.Headers.ContentEncoding = encoding;
            await using var compressed = Compress(encoding, context.Response.Body);
            await compressed.WriteAsync("hello"u8.ToArray());
        });
        using var client = Guarded.Client();

        var result = await client.GetAsync(server.Address, "*/*", null, default);

        Assert.Equal("hello", Encoding.UTF8.GetString(Assert.IsType<FetchAnswer>(result).Body.Span));
    }

    [Fact]
    public async Task A_compression_bomb_costs_no_more_than_the_limit()
    {
        var bomb = new MemoryStream();
        await using (var gzip = new GZipStream(bomb, CompressionLevel.Fastest, leaveOpen: true))
        {
            var zeros = new byte[1024 * 1024];
            for (var i = 0; i < 512; i++)
                await gzip.WriteAsync(zeros);
        }
        await using var server = await LoopbackServer.StartAsync(async context =>
        {
            context.Response.Headers.ContentEncoding = "gzip";
            await context.Response.Body.WriteAsync(bomb.GetBuffer().AsMemory(0, (int)bomb.Length));
        });
        using var client = Guarded.Client(options => options.MaxResponseBytes = 1024 * 1024);
        var before = GC.GetTotalAllocatedBytes(precise: true);

        var reason = await ReasonAsync(client, server.Address);

        Assert.Equal("The document is larger than the 1048576 bytes that are allowed.", reason);
        Assert.InRange(GC.GetTotalAllocatedBytes(precise: true) - before, 0, 32 * 1024 * 1024);
    }

    [Fact]
    public async Task A_body_without_end_is_cut_off_at_the_limit()
    {
        await using var server = await LoopbackServer.StartAsync(async context =>
        {
            var block = new byte[64 * 1024];
            while (!context.RequestAborted.IsCancellationRequested)
                await context.Response.Body.WriteAsync(block, context.RequestAborted);
        });
        using var client = Guarded.Client(options => options.MaxResponseBytes = 1024 * 1024);

        Assert.Equal(
            "The document is larger than the 1048576 bytes that are allowed.",
            await ReasonAsync(client, server.Address));
    }

    [Fact]
    public async Task A_body_of_exactly_the_limit_is_read()
    {
        await using var server = await LoopbackServer.StartAsync(
            context => context.Response.Body.WriteAsync(new byte[4096]).AsTask());
        using var client = Guarded.Client(options => options.MaxResponseBytes = 4096);

        var result = await client.GetAsync(server.Address, "*/*", null, default);

        Assert.Equal(4096, Assert.IsType<FetchAnswer>(result).Body.Length);
    }

    [Fact]
    public async Task A_server_that_sends_byte_after_byte_runs_into_the_timeout()
    {
        await using var server = await LoopbackServer.StartAsync(async context =>
        {
            while (!context.RequestAborted.IsCancellationRequested)
            {
                await context.Response.Body.WriteAsync("a"u8.ToArray(), context.RequestAborted);
                await context.Response.Body.FlushAsync(context.RequestAborted);
                await Task.Delay(20, context.RequestAborted);
            }
        });
        using var client = Guarded.Client(options => options.Timeout = TimeSpan.FromMilliseconds(300));

        Assert.Equal(
            "The server did not send its whole answer within 0.3 s.", await ReasonAsync(client, server.Address));
    }

    [Fact]
    public async Task A_server_that_sends_its_headers_byte_after_byte_runs_into_the_timeout()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var slow = Task.Run(async () =>
        {
            using var connection = await listener.AcceptTcpClientAsync();
            var stream = connection.GetStream();
            try
            {
                await stream.WriteAsync("HTTP/1.1 200 OK\r\nX: "u8.ToArray());
                while (true)
                {
                    await stream.WriteAsync("a"u8.ToArray());
                    await Task.Delay(20);
                }
            }
            catch (IOException)
            {
                // The client hung up, as it should.
            }
        });
        using var client = Guarded.Client(options => options.Timeout = TimeSpan.FromMilliseconds(300));

        var reason = await ReasonAsync(client, new Uri($"http://{listener.LocalEndpoint}/"));

        Assert.Equal("The server did not send its whole answer within 0.3 s.", reason);
        await slow;
    }

    [Theory]
    [InlineData("nonsense\r\n\r\n", "The server's answer is not valid HTTP.")]
    [InlineData("", "The server broke off its answer.")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "The server broke off its answer.")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc", "The server's answer could not be decompressed.")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Encoding: zstd\r\nContent-Length: 3\r\n\r\nabc", "The server used a compression that is not supported.")]
    public async Task A_broken_answer_is_a_clear_failure(string bytes, string reason)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var answering = Task.Run(async () =>
        {
            // A connection that is closed without an answer is tried again by the framework.
            while (true)
            {
                using var connection = await listener.AcceptTcpClientAsync();
                var stream = connection.GetStream();
                await stream.ReadExactlyAsync(new byte[16]);
                await stream.WriteAsync(Encoding.ASCII.GetBytes(bytes));
                connection.Client.Shutdown(SocketShutdown.Send);
                await stream.CopyToAsync(Stream.Null);
            }
        });
        using (var client = Guarded.Client())
            Assert.Equal(reason, await ReasonAsync(client, new Uri($"http://{listener.LocalEndpoint}/")));
        listener.Stop();
        await Assert.ThrowsAnyAsync<Exception>(() => answering);
    }

    [Fact]
    public async Task A_certificate_that_nobody_vouches_for_is_a_clear_failure()
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=127.0.0.1", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.MaxValue.AddYears(-1));
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var answering = Task.Run(async () =>
        {
            using var connection = await listener.AcceptTcpClientAsync();
            await using var tls = new SslStream(connection.GetStream());
            await tls.AuthenticateAsServerAsync(certificate);
            await tls.CopyToAsync(Stream.Null);
        });
        using (var client = Guarded.Client())
        {
            Assert.Equal(
                "The secure connection could not be established; the server's certificate may be wrong.",
                await ReasonAsync(client, new Uri($"https://{listener.LocalEndpoint}/")));
        }
        await Record.ExceptionAsync(() => answering);
    }

    [Fact]
    public async Task A_name_that_does_not_exist_is_a_clear_failure()
    {
        using var client = Guarded.Client(
            resolve: (_, _) => Task.FromException<IPAddress[]>(new SocketException((int)SocketError.HostNotFound)));

        Assert.Equal("The name could not be resolved.", await ReasonAsync(client, new Uri("http://nowhere.example/")));
    }

    [Fact]
    public async Task A_closed_port_is_a_clear_failure()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var address = new Uri($"http://{listener.LocalEndpoint}/");
        listener.Stop();
        using var client = Guarded.Client();

        Assert.Equal("The server refused the connection.", await ReasonAsync(client, address));
    }

    [Fact]
    public async Task A_name_that_is_never_resolved_runs_into_the_connect_timeout()
    {
        using var client = Guarded.Client(
            options => options.ConnectTimeout = TimeSpan.FromMilliseconds(100),
            async (_, cancellation) =>
            {
                await Task.Delay(Timeout.Infinite, cancellation);
                return [];
            });

        Assert.Equal("No connection could be made in time.", await ReasonAsync(client, new Uri("http://slow.example/")));
    }

    [Theory]
    [InlineData("ftp://127.0.0.1/", "Only http and https addresses are read.")]
    [InlineData("http://user@127.0.0.1/", "The address carries a user name or password, which is not supported.")]
    public async Task Some_addresses_are_never_asked(string address, string reason)
    {
        using var client = Guarded.Client();

        Assert.Equal(reason, await ReasonAsync(client, new Uri(address)));
    }

    [Fact]
    public async Task The_callers_cancellation_is_no_outcome()
    {
        await using var server = await LoopbackServer.StartAsync(
            context => Task.Delay(Timeout.Infinite, context.RequestAborted));
        using var client = Guarded.Client();
        using var cancellation = new CancellationTokenSource(TimeSpan.FromMilliseconds(100));

        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => client.GetAsync(server.Address, "*/*", null, cancellation.Token));
    }

    [Theory]
    [InlineData("10.0.0.0/33")]
    [InlineData("10.0.0.1")]
    [InlineData("localhost")]
    public void A_network_that_is_none_is_named(string network)
    {
        var options = new GuardedHttpOptions { AllowedNetworks = { network } };

        Assert.Equal(
            $"AllowedNetworks: '{network}' is not a network in CIDR notation, such as 10.1.0.0/16.",
            options.FindMistake());
    }

    private static async Task<string> ReasonAsync(GuardedHttpClient client, Uri address) =>
        Assert.IsType<FetchFailure>(await client.GetAsync(address, "*/*", null, default)).Reason;

    private static Stream Compress(string encoding, Stream body) => encoding switch
    {
        "gzip" => new GZipStream(body, CompressionMode.Compress, leaveOpen: true),
        "br" => new BrotliStream(body, CompressionMode.Compress, leaveOpen: true),
        _ => new ZLibStream(body, CompressionMode.Compress, leaveOpen: true),
    };
}
