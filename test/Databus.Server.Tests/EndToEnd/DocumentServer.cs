using System.Globalization;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Databus.Server.Tests.EndToEnd;

/// <summary>A site with one document, a feed unless said otherwise, which can change, and which answers conditional requests.</summary>
internal sealed class DocumentServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly string _mediaType;
    private int _notModified;

    private DocumentServer(WebApplication app, string mediaType)
    {
        _app = app;
        _mediaType = mediaType;
    }

    public byte[] Document { get; set; } = [];

    /// <summary>How often it was answered that nothing changed.</summary>
    public int NotModified => _notModified;

    public string Url => _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First() + "/document";

    public static async Task<DocumentServer> StartAsync(byte[] document, string mediaType = "application/atom+xml")
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var server = new DocumentServer(app, mediaType) { Document = document };
        app.MapGet("/document", server.Answer);
        await app.StartAsync();
        return server;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private IResult Answer(HttpContext context)
    {
        var document = Document;
        var tag = string.Create(CultureInfo.InvariantCulture, $"\"{Convert.ToHexString(SHA256.HashData(document))[..16]}\"");
        context.Response.Headers.ETag = tag;
        if (context.Request.Headers.IfNoneMatch == tag)
        {
            Interlocked.Increment(ref _notModified);
            return Results.StatusCode(304);
        }

        return Results.Bytes(document, $"{_mediaType}; charset=utf-8");
    }
}
