using System.Globalization;
using Databus.Connectors.Webhooks;

namespace Databus.Connectors.Tests.Webhooks;

public sealed class WebhookVerifierTests
{
    private const string Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    private const string Other = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    private const string Id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    private static readonly byte[] Body = """{"test": 2432232314}"""u8.ToArray();
    private static readonly DateTimeOffset SignedAt = DateTimeOffset.FromUnixTimeSeconds(1_614_265_330);
    private readonly FixedTime _clock = new(SignedAt);

    [Fact]
    public void The_example_of_the_standard_is_valid() => Assert.True(Verify(signatures: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));

    [Fact]
    public void One_of_several_signatures_and_one_of_several_secrets_will_do()
    {
        var signature = Sign(Other);
        Assert.True(new WebhookVerifier([Secret, Other], _clock).IsValid(Id, Now, $"v1a,xyz {signature} v1,AAAA", Body));
        Assert.False(new WebhookVerifier([Secret], _clock).IsValid(Id, Now, signature, Body));
    }

    [Theory]
    [InlineData(300, true)]
    [InlineData(-300, true)]
    [InlineData(301, false)]
    [InlineData(-301, false)]
    public void What_was_signed_long_ago_or_in_the_future_is_not(int seconds, bool expected)
    {
        var later = new FixedTime(SignedAt + TimeSpan.FromSeconds(seconds));
        Assert.Equal(expected, new WebhookVerifier([Secret], later).IsValid(Id, Now, Sign(Secret), Body));
    }

    [Fact]
    public void Nothing_that_is_signed_may_differ()
    {
        var signed = Sign(Secret);
        Assert.True(Verify(signatures: signed));
        Assert.False(Verify(signatures: signed, id: Id + "x"));
        Assert.False(Verify(signatures: signed, body: """{"test": 2432232315}"""u8.ToArray()));
        Assert.False(Verify(signatures: signed, timestamp: "1614265331"));
        Assert.False(Verify(signatures: signed.Replace("v1,", "v1a,", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData(null, "1614265330", "v1,AAAA")]
    [InlineData("", "1614265330", "v1,AAAA")]
    [InlineData(Id, null, "v1,AAAA")]
    [InlineData(Id, "soon", "v1,AAAA")]
    [InlineData(Id, "-1614265330", "v1,AAAA")]
    [InlineData(Id, "99999999999999999999", "v1,AAAA")]
    [InlineData(Id, "1614265330", null)]
    [InlineData(Id, "1614265330", "")]
    public void Headers_that_are_missing_or_make_no_sense_are_refused(string? id, string? timestamp, string? signatures) =>
        Assert.False(new WebhookVerifier([Secret], _clock).IsValid(id, timestamp, signatures, Body));

    [Fact]
    public void Secrets_that_cannot_be_read_are_refused_and_not_quoted()
    {
        Assert.Throws<ArgumentException>(() => new WebhookVerifier([], _clock));
        var error = Assert.Throws<ArgumentException>(() => new WebhookVerifier(["whsec_c2hvcnQ="], _clock));
        Assert.DoesNotContain("c2hvcnQ", error.Message, StringComparison.Ordinal);
    }

    private static string Now => SignedAt.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);

    private static string Sign(string secret) =>
        WebhookSecret.TryRead(secret, out var key) ? key.Sign(Id, SignedAt.ToUnixTimeSeconds(), Body) : throw new ArgumentException("No secret.", nameof(secret));

    private bool Verify(string signatures, string id = Id, byte[]? body = null, string? timestamp = null) =>
        new WebhookVerifier([Secret], _clock).IsValid(id, timestamp ?? Now, signatures, body ?? Body);
}
