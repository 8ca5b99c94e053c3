using System.Text.Json;
using Databus.RabbitMq.Destinations;

namespace Databus.RabbitMq.Tests.Destinations;

public sealed class ConfigurationTests
{
    [Theory]
    [InlineData("""{"queue":"Apartment_ads"}""", """{"queue":"Apartment_ads","queueType":"classic","body":"content"}""")]
    [InlineData("""{"queue":"q","queueType":"quorum","body":"raw"}""", """{"queue":"q","queueType":"quorum","body":"raw"}""")]
    [InlineData("""{"exchange":"news"}""", """{"exchange":"news","routingKey":"","body":"content"}""")]
    [InlineData("""{"exchange":"amq.topic","routingKey":"a.b","body":"cloudevents"}""", """{"exchange":"amq.topic","routingKey":"a.b","body":"cloudevents"}""")]
    public void What_is_left_out_is_completed(string given, string completed)
    {
        Assert.True(TryRead(given, out var configuration, out _));
        Assert.Equal(completed, configuration);
        Assert.True(TryRead(completed, out var again, out _));
        Assert.Equal(completed, again);
    }

    [Theory]
    [InlineData("{}", "queue")]
    [InlineData("[]", "configuration")]
    [InlineData("""{"queue":"a","exchange":"b"}""", "queue")]
    [InlineData("""{"queue":""}""", "queue")]
    [InlineData("""{"queue":7}""", "queue")]
    [InlineData("""{"queue":null}""", "queue")]
    [InlineData("""{"queue":"amq.gen"}""", "queue")]
    [InlineData("""{"queue":"a\nb"}""", "queue")]
    [InlineData("""{"queue":"\ud800"}""", "queue")]
    [InlineData("""{"queue":"a","queue":"b"}""", "queue")]
    [InlineData("""{"queue":"a","queueType":"stream"}""", "queueType")]
    [InlineData("""{"queue":"a","routingKey":"b"}""", "routingKey")]
    [InlineData("""{"exchange":""}""", "exchange")]
    [InlineData("""{"exchange":"a","queueType":"quorum"}""", "queueType")]
    [InlineData("""{"queue":"a","body":"xml"}""", "body")]
    [InlineData("""{"queue":"a","password":"secret"}""", "password")]
    public void What_is_wrong_is_named(string given, string field)
    {
        Assert.False(TryRead(given, out _, out var refused));
        Assert.Equal(field, refused);
    }

    [Theory]
    [InlineData("queue", 255, 256)]
    [InlineData("exchange", 255, 256)]
    public void Names_are_as_long_as_AMQP_carries_them(string member, int longest, int tooLong)
    {
        Assert.True(TryRead($$"""{"{{member}}":"{{Name(longest)}}"}""", out _, out _));
        Assert.False(TryRead($$"""{"{{member}}":"{{Name(tooLong)}}"}""", out _, out _));
    }

    [Fact]
    public void The_name_of_a_quorum_queue_leaves_room_for_its_dead_queue()
    {
        Assert.True(TryRead($$"""{"queue":"{{Name(250)}}","queueType":"quorum"}""", out _, out _));
        Assert.False(TryRead($$"""{"queue":"{{Name(251)}}","queueType":"quorum"}""", out _, out _));
    }

    [Fact]
    public void A_routing_key_is_counted_in_bytes()
    {
        Assert.True(TryRead($$"""{"exchange":"e","routingKey":"{{Name(255)}}"}""", out _, out _));
        Assert.False(TryRead($$"""{"exchange":"e","routingKey":"{{new string('ä', 128)}}"}""", out _, out _));
    }

    /// <summary>So many bytes of UTF-8, most of them in characters of two.</summary>
    private static string Name(int bytes) => new string('ä', bytes / 2) + new string('a', bytes % 2);

    private static bool TryRead(string given, out string? completed, out string? refused)
    {
        using var json = JsonDocument.Parse(given);
        var isGood = DestinationConfiguration.TryRead(json.RootElement, out var configuration, out var refusal);
        completed = configuration?.ToJson();
        refused = refusal?.Field;
        return isGood;
    }
}
