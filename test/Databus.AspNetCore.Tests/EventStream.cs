using System.Text;

namespace Databus.AspNetCore.Tests;

/// <summary>One frame of server-sent events.</summary>
internal sealed record Frame(string? Id, string? Data, string? Retry, string? Comment);

/// <summary>Reads server-sent events as a browser does.</summary>
internal sealed class EventStream : IDisposable
{
    private readonly HttpResponseMessage _response;
    private readonly StreamReader _reader;

    // What would wait for ever fails.
    private readonly CancellationTokenSource _patience = new(TimeSpan.FromMinutes(1));

    private EventStream(HttpResponseMessage response, StreamReader reader)
    {
        _response = response;
        _reader = reader;
    }

    public HttpResponseMessage Response => _response;

    public static async Task<EventStream> OpenAsync(DatabusApp app, string topic, string query = "", string? lastEventId = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/api/v1/topics/{topic}/events{query}");
        if (lastEventId is not null)
            request.Headers.Add("Last-Event-ID", lastEventId);
        var response = await app.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal(200, (int)response.StatusCode);
        return new EventStream(response, new StreamReader(await response.Content.ReadAsStreamAsync(), Encoding.UTF8));
    }

    /// <summary>The next frame; null when the stream has ended.</summary>
    public async Task<Frame?> NextAsync()
    {
        var fields = new Dictionary<string, string>();
        while (await _reader.ReadLineAsync(_patience.Token) is { } line)
        {
            if (line.Length == 0)
            {
                if (fields.Count > 0)
                {
                    return new Frame(
                        fields.GetValueOrDefault("id"), fields.GetValueOrDefault("data"), fields.GetValueOrDefault("retry"), fields.GetValueOrDefault(""));
                }

                continue;
            }

            var colon = line.IndexOf(':', StringComparison.Ordinal);
            Assert.True(colon >= 0, line);
            Assert.True(fields.TryAdd(line[..colon], line[(colon + 1)..].TrimStart()), line);
        }

        return null;
    }

    public async Task<List<string>> NextIdsAsync(int count)
    {
        var ids = new List<string>();
        while (ids.Count < count)
        {
            var frame = await NextAsync();
            Assert.NotNull(frame);
            if (frame.Data is not null)
                ids.Add(frame.Id!);
        }

        return ids;
    }

    public void Dispose()
    {
        _reader.Dispose();
        _response.Dispose();
        _patience.Dispose();
    }
}
