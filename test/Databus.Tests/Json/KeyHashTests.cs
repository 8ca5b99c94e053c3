using System.Security.Cryptography;
using System.Text;
using Databus.Json;

namespace Databus.Tests.Json;

public sealed class KeyHashTests
{
    [Theory]
    [InlineData("")]
    [InlineData("5668626895")]
    [InlineData("é😂")]
    public void A_key_is_the_first_half_of_its_SHA_256(string key)
    {
        var sha256 = SHA256.HashData(Encoding.UTF8.GetBytes(key));

        Assert.Equal(sha256[..KeyHash.Size], KeyHash.FromText(key).ToByteArray());
        Assert.Equal(KeyHash.FromDigest(sha256), KeyHash.FromText(key));
        Assert.Equal(Convert.ToHexStringLower(sha256[..KeyHash.Size]), KeyHash.FromText(key).ToString());
    }

    [Fact]
    public void A_long_key_is_hashed_whole()
    {
        var key = new string('k', 10_000);
        Assert.Equal(KeyHash.FromDigest(SHA256.HashData(Encoding.UTF8.GetBytes(key))), KeyHash.FromText(key));
    }

    [Fact]
    public void The_key_of_content_is_the_first_half_of_its_digest()
    {
        Assert.True(ItemContent.TryParse("{\"a\":1}"u8, out var content, out _));
        Assert.Equal(KeyHash.FromDigest(SHA256.HashData("{\"a\":1}"u8)), KeyHash.FromDigest(content.Digest));
    }

    [Fact]
    public void Bytes_sort_as_the_hashes_do()
    {
        var hashes = Enumerable.Range(0, 100).Select(i => KeyHash.FromText($"{i}")).Order().ToArray();
        for (var i = 1; i < hashes.Length; i++)
        {
            Assert.True(hashes[i - 1] < hashes[i]);
            Assert.True(hashes[i - 1].ToByteArray().AsSpan().SequenceCompareTo(hashes[i].ToByteArray()) < 0);
        }
    }
}
