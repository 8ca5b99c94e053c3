using System.Text;
using System.Text.Json.Serialization;
using Databus.Destinations;
using Databus.Outbox;
using Databus.Topics;

namespace Databus.Tests.Outbox;

/// <summary>Messages that go to a topic of the Databus in the same process.</summary>
public sealed class TopicOutboxSenderTests
{
    [Fact]
    public async Task A_resend_is_a_duplicate_and_what_no_topic_takes_is_hopeless()
    {
        await using var engine = await Engine.StartAsync();
        var sender = new TopicOutboxSender<Dictionary<string, string>>(engine.Log, "letters");
        var good = Message(new() { ["text"] = "x" });
        var empty = Message([]);
        for (var times = 0; times < 2; times++)
        {
            var outcomes = await sender.SendAsync([good, empty], CancellationToken.None);
            Assert.Equal([SendResult.Sent, SendResult.Hopeless], outcomes.Select(outcome => outcome.Result));
            Assert.NotNull(outcomes[1].Reason);
        }

        var item = Assert.Single((await engine.Store.ReadItemsAsync(await engine.TopicAsync(), new ItemQuery(), CancellationToken.None)).Items);
        Assert.Equal((good.Id.ToString(), "letter", """{"text":"x"}"""), (item.Key, item.Source, Encoding.UTF8.GetString(item.Content)));
    }

    private static OutboxMessage<Dictionary<string, string>> Message(Dictionary<string, string> content) => new(
        Guid.CreateVersion7(), "letter", orderKey: null, content, utf8: null, TopicOutboxJson.Default.DictionaryStringString, attempt: 1, DateTimeOffset.UnixEpoch,
        traceParent: null);
}

[JsonSerializable(typeof(Dictionary<string, string>))]
internal sealed partial class TopicOutboxJson : JsonSerializerContext;
