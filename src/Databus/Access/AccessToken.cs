using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Databus.Access;

/// <summary>
/// A bearer token as it is stored: its name and the SHA-256 of its secret. The secret has 256 random bits,
/// so a plain hash is enough; a slow one protects short, human passwords and nothing else.
/// </summary>
public sealed record AccessToken(string Name, byte[] Hash, DateTimeOffset CreatedAt, DateTimeOffset? LastUsedAt)
{
    /// <summary>Lets people and secret scanners recognise a token.</summary>
    public const string Prefix = "dbt_";

    /// <summary>A new token and its secret, which exists only here.</summary>
    public static (AccessToken Token, string Secret) Create(string name, DateTimeOffset now)
    {
        var secret = Prefix + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));
        return (new AccessToken(name, HashOf(secret), now, LastUsedAt: null), secret);
    }

    public static byte[] HashOf(string secret) => SHA256.HashData(Encoding.UTF8.GetBytes(secret));
}
