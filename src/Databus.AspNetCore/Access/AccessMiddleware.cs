using System.Net;
using System.Net.Sockets;
using Databus.Access;
using Databus.AspNetCore.Problems;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Primitives;

namespace Databus.AspNetCore.Access;

/// <summary>
/// Lets in: anybody to the page and the health checks, which hold no data; the owner of the data directory through
/// its control socket; requests from this machine, where that is trusted; and whoever sends a token.
/// </summary>
internal sealed class AccessMiddleware(RequestDelegate next, TokenVerifier tokens, IOptions<DatabusHttpOptions> options)
{
    private const string Bearer = "Bearer ";

    public async Task InvokeAsync(HttpContext context)
    {
        var refusal = IsControlSocket(context) ? null : await JudgeAsync(context);
        if (refusal is null)
            await next(context);
        else
            await refusal.ExecuteAsync(context);
    }

    private async ValueTask<Problem?> JudgeAsync(HttpContext context)
    {
        var request = context.Request;
        var isTrusted = options.Value.TrustLoopback && IsFromThisMachine(context);
        if (isTrusted && FindForgery(request) is { } forgery)
            return forgery;
        if (isTrusted || !Paths.IsApi(request.Path))
            return null;

        var header = request.Headers.Authorization.ToString();
        if (header.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase)
            && await tokens.VerifyAsync(header[Bearer.Length..].Trim(), context.RequestAborted) is not null)
        {
            return null;
        }

        context.Response.Headers.WWWAuthenticate = "Bearer realm=\"databus\"";
        return new Problem(401, "token", "Token needed", header.Length == 0
            ? "A bearer token is needed. Create one with: databus token create NAME"
            : "This token is not known.")
        {
            Field = "Authorization",
        };
    }

    /// <summary>Its file is in the data directory, which only its owner can enter.</summary>
    private static bool IsControlSocket(HttpContext context) =>
        context.Features.Get<IConnectionSocketFeature>()?.Socket.AddressFamily == AddressFamily.Unix;

    /// <summary>A proxy on this machine speaks for others: what it forwards is not from here.</summary>
    private static bool IsFromThisMachine(HttpContext context) =>
        context.Connection.RemoteIpAddress is { } address && IPAddress.IsLoopback(address)
        && !context.Request.Headers.ContainsKey("X-Forwarded-For") && !context.Request.Headers.ContainsKey("Forwarded");

    /// <summary>
    /// Where no token is needed, any page in a browser on this machine could send requests: with its own name resolved
    /// to this machine (Host), or straight across origins (Origin, Sec-Fetch-Site).
    /// </summary>
    private static Problem? FindForgery(HttpRequest request)
    {
        if (!IsNameOfThisMachine(request.Host.Host))
            return new Problem(403, "host", "Host refused", $"Databus answers to localhost here, not to {request.Host.Host}.") { Field = "Host" };

        var origin = request.Headers.Origin;
        if (!StringValues.IsNullOrEmpty(origin) && origin != $"{request.Scheme}://{request.Host}")
            return new Problem(403, "origin", "Origin refused", "Another site's page may not send requests here.") { Field = "Origin" };

        // A link from elsewhere may open the page; nothing else from elsewhere is welcome.
        var site = request.Headers["Sec-Fetch-Site"].ToString();
        var isVisit = HttpMethods.IsGet(request.Method) && request.Headers["Sec-Fetch-Mode"] == "navigate" && !Paths.IsApi(request.Path);
        return site is "cross-site" or "same-site" && !isVisit
            ? new Problem(403, "origin", "Origin refused", "Another site's page may not send requests here.") { Field = "Sec-Fetch-Site" }
            : null;
    }

    private static bool IsNameOfThisMachine(string host) =>
        host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
        || (IPAddress.TryParse(host, out var address) && IPAddress.IsLoopback(address));
}
