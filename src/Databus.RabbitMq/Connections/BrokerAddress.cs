using System.Diagnostics.CodeAnalysis;
using System.Net.Security;
using RabbitMQ.Client;

namespace Databus.RabbitMq.Connections;

/// <summary>
/// Where the broker is and who we are there. Read here and not by the client, because its own reading of amqps accepts
/// certificates that were issued for another host.
/// </summary>
internal sealed class BrokerAddress
{
    private readonly string _user;
    private readonly string _password;
    private readonly string _virtualHost;
    private readonly AmqpTcpEndpoint _endpoint;

    private BrokerAddress(Uri uri, string virtualHost)
    {
        var user = uri.UserInfo.Split(':', 2);
        _user = user[0].Length == 0 ? ConnectionFactory.DefaultUser : Uri.UnescapeDataString(user[0]);
        _password = user.Length < 2 ? ConnectionFactory.DefaultPass : Uri.UnescapeDataString(user[1]);
        _virtualHost = virtualHost;
        var tls = new SslOption { Enabled = IsTls(uri), ServerName = uri.IdnHost, AcceptablePolicyErrors = SslPolicyErrors.None };
        _endpoint = new AmqpTcpEndpoint(uri.IdnHost, uri.Port < 0 ? tls.Enabled ? 5671 : 5672 : uri.Port, tls);
    }

    /// <summary>Host and port; nothing secret.</summary>
    public override string ToString() => $"{_endpoint.HostName}:{_endpoint.Port}";

    /// <summary>Reads <see cref="RabbitMqOptions.Uri"/>. What is wrong with it quotes nothing of it, because it holds a password.</summary>
    public static bool TryRead(string? text, [NotNullWhen(true)] out BrokerAddress? address, [NotNullWhen(false)] out string? mistake)
    {
        address = null;
        mistake = "RabbitMq:Uri is amqp://user:password@host:port/vhost, or amqps:// for TLS; what is special in a URI is percent-encoded.";
        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri) || uri.Scheme is not ("amqp" or "amqps") || uri.Host.Length == 0
            || uri.Query.Length > 0 || uri.Fragment.Length > 0 || uri.Segments.Length > 2)
        {
            return false;
        }

        var virtualHost = Uri.UnescapeDataString(uri.AbsolutePath.TrimStart('/'));
        address = new BrokerAddress(uri, virtualHost.Length == 0 ? ConnectionFactory.DefaultVHost : virtualHost);
        mistake = null;
        return true;
    }

    public void WriteTo(ConnectionFactory factory)
    {
        factory.Endpoint = _endpoint;
        factory.UserName = _user;
        factory.Password = _password;
        factory.VirtualHost = _virtualHost;
    }

    private static bool IsTls(Uri uri) => uri.Scheme == "amqps";
}
