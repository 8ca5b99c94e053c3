using Databus.RabbitMq.Sources;

namespace Databus.RabbitMq.Tests.Sources;

public sealed class AmqpAddressTests
{
    [Theory]
    [InlineData("amqp:Apartment_ads", "Apartment_ads", false, false)]
    [InlineData("amqp:Apartment_ads?format=raw", "Apartment_ads", false, false)]
    [InlineData("amqp:a%2Fb%20%3F%23%C3%A4?format=content&key=message-id", "a/b ?#ä", true, true)]
    [InlineData("amqp:q?key=message-id", "q", false, true)]
    public void An_address_names_a_queue_and_how_its_messages_are_read(string text, string queue, bool isWrapped, bool keyIsMessageId)
    {
        Assert.True(AmqpAddress.TryRead(new Uri(text), out var address, out _));
        Assert.Equal(new AmqpAddress(queue, isWrapped, keyIsMessageId), address);

        // As a store keeps it and gives it back.
        Assert.True(AmqpAddress.TryRead(new Uri(new Uri(text).AbsoluteUri), out var again, out _));
        Assert.Equal(address, again);
    }

    [Theory]
    [InlineData("http://host/queue")]
    [InlineData("amqp://host/queue")]
    [InlineData("amqp://user:s3cret@host/queue")]
    [InlineData("amqp:/queue")]
    [InlineData("amqp:")]
    [InlineData("amqp:?format=raw")]
    [InlineData("amqp:q?format=xml")]
    [InlineData("amqp:q?password=s3cret")]
    [InlineData("amqp:q#part")]
    [InlineData("amqp:a%0Ab")]
    public void What_is_no_such_address_is_refused_with_a_sentence(string text)
    {
        Assert.False(AmqpAddress.TryRead(new Uri(text), out _, out var refusal));
        Assert.EndsWith(".", refusal, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cret", refusal, StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_leaves_room_for_the_dead_queue()
    {
        Assert.True(AmqpAddress.TryRead(new Uri($"amqp:{new string('a', 250)}"), out _, out _));
        Assert.False(AmqpAddress.TryRead(new Uri($"amqp:{new string('a', 251)}"), out _, out _));
    }
}
