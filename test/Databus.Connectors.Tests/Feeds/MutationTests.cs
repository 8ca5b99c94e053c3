using Databus.Connectors.Feeds;

namespace Databus.Connectors.Tests.Feeds;

public sealed class MutationTests(ITestOutputHelper output)
{
    private const int Rounds = 5_000;
    private const int LargestBase = 40_000;
    private static readonly Uri Address = new("https://example.org/feed");

    private static readonly byte[][] Splinters =
    [
        "<"u8.ToArray(), ">"u8.ToArray(), "&"u8.ToArray(), "<![CDATA["u8.ToArray(), "]]>"u8.ToArray(), "<!--"u8.ToArray(),
        "<!DOCTYPE x ["u8.ToArray(), "&#x0;"u8.ToArray(), "&#xD800;"u8.ToArray(), "<item>"u8.ToArray(), "</entry>"u8.ToArray(),
        "xml:base='http://['"u8.ToArray(), " xmlns='x'"u8.ToArray(), "x:y"u8.ToArray(), "\0"u8.ToArray(), [0xFF, 0xFE], [0xC0, 0x80],
        "99999999999999999999"u8.ToArray(), "<link href='//'/>"u8.ToArray(), "\\ud800"u8.ToArray(), "mode='base64'"u8.ToArray(),
    ];

    [Fact]
    public void Damaged_documents_are_read_or_refused_and_never_throw_anything_else()
    {
        var seed = Environment.TickCount;
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var files = RealFeeds.Entries.Select(entry => RealFeeds.Bytes(entry.GetProperty("file").GetString()!))
            .Where(bytes => bytes.Length is > 0 and < LargestBase).ToArray();
        var read = 0;

        for (var round = 0; round < Rounds; round++)
        {
            var document = Mutate(files[random.Next(files.Length)], random);
            try
            {
                var feed = FeedParser.Parse(document, random.Next(4) == 0 ? "koi8-r" : null, Address, default);
                foreach (var item in FeedItems.From(feed, DateTimeOffset.UnixEpoch))
                    using (System.Text.Json.JsonDocument.Parse(item.Content))
                        read++;
            }
            catch (FeedException error)
            {
                Assert.EndsWith(".", error.Message, StringComparison.Ordinal);
            }
            catch (Exception error)
            {
                Assert.Fail($"seed {seed}, round {round}: {error}");
            }
        }
        Assert.True(read > Rounds / 2, $"Only {read} items were read.");
    }

    private static byte[] Mutate(byte[] original, Random random)
    {
        var document = original.ToList();
        for (var times = random.Next(1, 6); times > 0 && document.Count > 0; times--)
        {
            var at = random.Next(document.Count);
            var length = Math.Min(random.Next(1, 200), document.Count - at);
            switch (random.Next(5))
            {
                case 0:
                    document[at] = (byte)random.Next(256);
                    break;
                case 1:
                    document.RemoveRange(at, length);
                    break;
                case 2:
                    document.InsertRange(at, Splinters[random.Next(Splinters.Length)]);
                    break;
                case 3:
                    document.InsertRange(random.Next(document.Count), document.GetRange(at, length));
                    break;
                default:
                    if (random.Next(4) == 0)
                        document.RemoveRange(at, document.Count - at);
                    break;
            }
        }
        return [.. document];
    }
}
