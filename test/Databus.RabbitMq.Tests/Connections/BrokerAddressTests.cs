using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Databus.Destinations;
using Databus.RabbitMq.Connections;
using Databus.RabbitMq.Tests.Destinations;
using RabbitMQ.Client;

namespace Databus.RabbitMq.Tests.Connections;

public sealed class BrokerAddressTests
{
    [Theory]
    [InlineData("amqp://host", "host", 5672, "guest", "guest", "/")]
    [InlineData("amqp://host/", "host", 5672, "guest", "guest", "/")]
    [InlineData("amqps://host/%2F", "host", 5671, "guest", "guest", "/")]
    [InlineData("amqp://user:p%40ss%3A%2F@host:1234/my%20vhost", "host", 1234, "user", "p@ss:/", "my vhost")]
    [InlineData("amqp://user@[::1]:1234/a", "::1", 1234, "user", "guest", "a")]
    public void An_address_is_read_in_full(string uri, string host, int port, string user, string password, string virtualHost)
    {
        Assert.True(BrokerAddress.TryRead(uri, out var address, out _));
        var factory = new ConnectionFactory();
        address.WriteTo(factory);
        Assert.Equal((host, port, user, password, virtualHost), (factory.HostName, factory.Port, factory.UserName, factory.Password, factory.VirtualHost));
        Assert.Equal(uri.StartsWith("amqps", StringComparison.Ordinal), factory.Ssl.Enabled);
        Assert.Equal(SslPolicyErrors.None, factory.Ssl.AcceptablePolicyErrors);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("host:5672")]
    [InlineData("http://user:s3cret@host/")]
    [InlineData("amqp://user:s3cret@host:99999/")]
    [InlineData("amqp://user:s3cret@host/a/b")]
    [InlineData("amqp://user:s3cret@host/a?heartbeat=5")]
    public void What_is_no_address_is_refused_without_showing_it(string? uri)
    {
        Assert.False(BrokerAddress.TryRead(uri, out _, out var mistake));
        Assert.DoesNotContain("s3cret", mistake, StringComparison.Ordinal);
        Assert.Equal(mistake, new RabbitMqOptions { Uri = uri }.FindMistake());
    }

    [Fact]
    public void An_address_shows_no_password()
    {
        Assert.True(BrokerAddress.TryRead("amqp://user:s3cret@host/", out var address, out _));
        Assert.Equal("host:5672", $"{address}");
    }

    [Fact(Timeout = OneBroker.Patience)]
    public async Task A_certificate_that_nobody_vouches_for_is_refused()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var greeting = GreetAsync(listener);
        await using var broker = OneBroker.Connect($"amqps://guest:s3cret@127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/");
        await using var destination = Pushed.ToQueue(broker, "ads");
        var outcome = Assert.Single(await destination.SendAsync([Pushed.Delivery(1)], CancellationToken.None));
        Assert.Equal(SendResult.Unavailable, outcome.Result);
        Assert.Contains("certificate", outcome.Reason, StringComparison.OrdinalIgnoreCase);
        Assert.False(await greeting, "The client spoke to a server that could be anybody.");
    }

    /// <summary>Whether the client said anything once TLS was there.</summary>
    private static async Task<bool> GreetAsync(TcpListener listener)
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=127.0.0.1", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var now = TimeProvider.System.GetUtcNow();
        using var certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        using var client = await listener.AcceptTcpClientAsync();
        await using var tls = new SslStream(client.GetStream());
        try
        {
            await tls.AuthenticateAsServerAsync(certificate);
            return await tls.ReadAsync(new byte[8]) > 0;
        }
        catch (Exception error) when (error is IOException or System.Security.Authentication.AuthenticationException)
        {
            return false;
        }
    }
}
