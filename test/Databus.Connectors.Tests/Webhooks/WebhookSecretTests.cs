using System.Text;
using Databus.Connectors.Webhooks;

namespace Databus.Connectors.Tests.Webhooks;

public sealed class WebhookSecretTests
{
    /// <summary>The example of the Standard Webhooks specification and its libraries.</summary>
    [Fact]
    public void A_signature_is_the_one_that_other_libraries_make()
    {
        Assert.True(WebhookSecret.TryRead("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", out var secret));
        Assert.Equal(
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            secret.Sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, Encoding.UTF8.GetBytes("""{"test": 2432232314}""")));
    }

    [Theory]
    [InlineData(23, false)]
    [InlineData(24, true)]
    [InlineData(64, true)]
    [InlineData(65, false)]
    public void A_secret_has_24_to_64_bytes(int bytes, bool valid) =>
        Assert.Equal(valid, WebhookSecret.TryRead("whsec_" + Convert.ToBase64String(new byte[bytes]), out _));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("whsec_")]
    [InlineData("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    [InlineData("whsec_not base64 at all, although it is long enough")]
    public void What_is_no_secret_is_refused(string? text) => Assert.False(WebhookSecret.TryRead(text, out _));

    [Fact]
    public void Options_are_judged_and_no_secret_is_quoted()
    {
        var options = new WebhookOptions();
        Assert.Contains("Address", options.FindMistake(), StringComparison.Ordinal);
        options.Address = new Uri("ftp://receiver.example/");
        Assert.Contains("Address", options.FindMistake(), StringComparison.Ordinal);
        options.Address = new Uri("https://user:password@receiver.example/");
        Assert.Contains("Address", options.FindMistake(), StringComparison.Ordinal);
        options.Address = new Uri("https://receiver.example/");
        Assert.Contains("Secrets", options.FindMistake(), StringComparison.Ordinal);
        options.Secrets.Add("whsec_short");
        Assert.Contains("Secrets", options.FindMistake(), StringComparison.Ordinal);
        Assert.DoesNotContain("short", options.FindMistake(), StringComparison.Ordinal);
        options.Secrets[0] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        Assert.Null(options.FindMistake());
    }
}
