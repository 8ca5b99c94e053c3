using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Databus.Connectors.Webhooks;

/// <summary>
/// The receiving side of Standard Webhooks: whether a request comes from somebody who knows a secret, and just now. What it does not
/// tell is a request that comes twice: that is the inbox's to know, by <c>webhook-id</c>.
/// </summary>
public sealed class WebhookVerifier
{
    private readonly WebhookSecret[] _secrets;
    private readonly TimeProvider _time;

    /// <summary>Ready to verify.</summary>
    /// <param name="secrets"><c>whsec_</c> and the base64 of 24 to 64 bytes. One at least; several while they are changed.</param>
    /// <exception cref="ArgumentException">There is none, or one cannot be read.</exception>
    public WebhookVerifier(IEnumerable<string> secrets, TimeProvider time)
    {
        _secrets = [.. secrets.Select(text => WebhookSecret.TryRead(text, out var secret)
            ? secret
            : throw new ArgumentException("A secret must be whsec_ and the base64 of 24 to 64 bytes.", nameof(secrets)))];
        if (_secrets.Length == 0)
            throw new ArgumentException("There must be one secret at least.", nameof(secrets));
        _time = time;
    }

    /// <summary>How far the sender's clock may be from ours, and how old a request may be. Default 5 minutes.</summary>
    public TimeSpan Tolerance { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Whether the body is signed with one of the secrets and the time is not too far from now. In constant time for any signature.</summary>
    /// <param name="id">The header <c>webhook-id</c>.</param>
    /// <param name="timestamp">The header <c>webhook-timestamp</c>.</param>
    /// <param name="signatures">The header <c>webhook-signature</c>: signatures of several secrets or versions, separated by spaces.</param>
    /// <param name="body">As it came, byte for byte.</param>
    public bool IsValid(string? id, string? timestamp, string? signatures, ReadOnlySpan<byte> body)
    {
        if (string.IsNullOrEmpty(id) || signatures is null
            || !long.TryParse(timestamp, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
            || Math.Abs(_time.GetUtcNow().ToUnixTimeSeconds() - seconds) > Tolerance.TotalSeconds)
        {
            return false;
        }

        var given = signatures.Split(' ').Select(Encoding.UTF8.GetBytes).ToArray();
        foreach (var secret in _secrets)
        {
            var expected = Encoding.UTF8.GetBytes(secret.Sign(id, seconds, body));
            if (Array.Exists(given, signature => CryptographicOperations.FixedTimeEquals(signature, expected)))
                return true;
        }

        return false;
    }
}
