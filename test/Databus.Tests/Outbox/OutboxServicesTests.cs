using System.Text.Json.Serialization;
using Databus.Destinations;
using Databus.Outbox;
using Microsoft.Extensions.DependencyInjection;

namespace Databus.Tests.Outbox;

/// <summary>What an application can add, and what is refused before it starts.</summary>
public sealed class OutboxServicesTests
{
    [Fact]
    public void A_second_outbox_is_an_error()
    {
        var services = new ServiceCollection().AddOutbox();
        Assert.Throws<InvalidOperationException>(() => services.AddOutbox());
    }

    [Fact]
    public void Names_options_and_senders_are_checked_when_they_are_added()
    {
        var services = new ServiceCollection();
        Assert.Throws<ArgumentException>(() => services.AddOutbox(options => options.BatchesAtOnce = 0));
        Assert.Throws<ArgumentException>(() => services.AddOutbox(options => options.Lease = TimeSpan.FromSeconds(1)));
        Assert.Throws<ArgumentException>(() => services.AddOutboxMessage("no name", LetterJson.Default.Letter));
        Assert.Throws<ArgumentException>(() => services.AddOutboxMessage("letter", LetterJson.Default.Letter, options => options.Aliases.Add("")));
        Assert.Throws<ArgumentException>(() => services.AddOutboxMessage("letter", LetterJson.Default.Letter, options => options.BatchSize = 1001));
        Assert.Throws<ArgumentException>(() => services.AddOutboxMessage("letter", LetterJson.Default.Letter, options => options.MaxAttempts = 0));
        Assert.Throws<ArgumentException>(() => services.AddOutboxMessage<Letter, string>("letter", LetterJson.Default.Letter));
    }

    [Fact]
    public void A_name_or_a_type_stands_for_one_message()
    {
        Assert.Contains("\"letter\"", Refusal(services => services
            .AddOutboxMessage("letter", LetterJson.Default.Letter).AddOutboxMessage("card", LetterJson.Default.Card, options => options.Aliases.Add("letter"))), StringComparison.Ordinal);
        Assert.Contains(nameof(Letter), Refusal(services => services
            .AddOutboxMessage("letter", LetterJson.Default.Letter).AddOutboxMessage("card", LetterJson.Default.Letter)), StringComparison.Ordinal);
    }

    [Fact]
    public void An_order_key_has_a_limit_and_an_unknown_type_a_name()
    {
        var types = new OutboxTypes(
            [new OutboxType<Letter>("letter", LetterJson.Default.Letter, new OutboxMessageOptions<Letter> { OrderKey = letter => letter.Text }, sender: null)]);
        Assert.Equal("k", types.Of(typeof(Letter)).Describe(new Letter("k"), Guid.NewGuid()).OrderKey);
        Assert.Throws<ArgumentException>(() => types.Of(typeof(Letter)).Describe(new Letter(new string('k', 201)), Guid.NewGuid()));
        Assert.Contains(nameof(Card), Assert.Throws<InvalidOperationException>(() => types.Of(typeof(Card))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_sender_that_takes_too_long_has_failed_and_is_not_waited_for()
    {
        var sending = new OutboxSending(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        var message = new OutboxMessage<Letter>(
            Guid.NewGuid(), "letter", null, new Letter("x"), null, LetterJson.Default.Letter, attempt: 1, DateTimeOffset.UnixEpoch, traceParent: null);
        var answers = await sending.Of(new Deaf(), atOnce: 1)([message], CancellationToken.None);
        Assert.Equal(SendResult.Failed, answers[0].Outcome.Result);
        Assert.Equal("{\"Text\":\"x\"}"u8.ToArray(), message.Json.ToArray());
    }

    [Theory]
    [InlineData(SendResult.Hopeless)]
    [InlineData(SendResult.Unavailable)]
    public void A_sender_can_say_more_than_that_it_failed(SendResult result)
    {
        var outcome = OutboxSending.Judge(new OutboxSendException(result, "why", TimeSpan.FromSeconds(3))).Outcome;
        Assert.Equal((result, "why", TimeSpan.FromSeconds(3)), (outcome.Result, outcome.Reason, outcome.RetryAfter!.Value));
    }

    private static string Refusal(Action<IServiceCollection> add)
    {
        var services = new ServiceCollection();
        add(services);
        services.AddOutbox();
        using var provider = services.BuildServiceProvider();
        return Assert.Throws<InvalidOperationException>(() => provider.GetRequiredService<OutboxTypes>()).Message;
    }

    private sealed class Deaf : IOutboxSender<Letter>
    {
        public Task SendAsync(OutboxMessage<Letter> message, CancellationToken cancellationToken) => new TaskCompletionSource().Task;
    }
}

internal sealed record Letter(string Text);

internal sealed record Card(string Text);

[JsonSerializable(typeof(Letter))]
[JsonSerializable(typeof(Card))]
internal sealed partial class LetterJson : JsonSerializerContext;
