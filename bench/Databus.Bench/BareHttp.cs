using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Databus.Bench;

/// <summary>The baseline of HTTP: Kestrel in a process of its own, which parses the body and answers 201.</summary>
internal sealed class BareHttp : IAsyncDisposable
{
    private readonly Process _process;

    private BareHttp(Process process, Uri address)
    {
        _process = process;
        Address = address;
    }

    public Uri Address { get; }

    public static async Task<int> ServeAsync(int port)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}"));
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.AddServerHeader = false);
        var app = builder.Build();
        var answer = """{"message":"Data added successfully","id":"123456","topic":"default"}"""u8.ToArray();
        app.MapPost("/add", async (HttpContext context) =>
        {
            var reader = context.Request.BodyReader;
            var read = await reader.ReadAsync();
            while (!read.IsCompleted)
            {
                reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
                read = await reader.ReadAsync();
            }

            using (var document = JsonDocument.Parse(read.Buffer))
                context.Response.StatusCode = document.RootElement.ValueKind == JsonValueKind.Object ? 201 : 400;
            reader.AdvanceTo(read.Buffer.End);
            context.Response.ContentType = "application/json";
            context.Response.ContentLength = answer.Length;
            await context.Response.BodyWriter.WriteAsync(answer);
        });
        await app.RunAsync();
        return 0;
    }

    public static async Task<BareHttp> StartAsync()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        var port = ((IPEndPoint)probe.LocalEndpoint).Port;
        probe.Stop();
        var process = Process.Start(Environment.ProcessPath!, ["bare-http", port.ToString(CultureInfo.InvariantCulture)]);
        var server = new BareHttp(process, new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}")));
        for (var patience = 200; ; patience--)
        {
            try
            {
                using var line = await HttpLine.OpenAsync(server.Address);
                return server;
            }
            catch (SocketException) when (patience > 0)
            {
                await Task.Delay(50);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }
}
