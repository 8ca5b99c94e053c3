using Databus.Storage;

namespace Databus.Tests.Storage;

public sealed class ResourceNameTests
{
    public static TheoryData<string> Good => ["a", "Z", "0", "default", "shop.orders-v2_new", "a..b", "a-", new string('x', 100)];

    public static TheoryData<string?> Bad =>
    [
        null!, "", " ", "-a", ".a", "_a", ".", "..", "a b", "a/b", "a\\b", "a%", "ä", "á", "ａ", "a\n", "a\0", "🙂", "a:b", "<b>", new string('x', 101),
    ];

    [Theory]
    [MemberData(nameof(Good))]
    public void Names_that_need_no_escaping_are_good(string name) => Assert.True(ResourceName.IsValid(name));

    [Theory]
    [MemberData(nameof(Bad))]
    public void Others_are_not(string? name) => Assert.False(ResourceName.IsValid(name));
}
