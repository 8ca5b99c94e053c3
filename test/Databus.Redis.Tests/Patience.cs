using Databus.Testing;

namespace Databus.Redis.Tests;

/// <summary>Waiting for what has to come.</summary>
internal static class Patience
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    public static async Task UntilAsync(Func<bool> condition) =>
        Assert.True(await Deadline.WaitAsync(condition, Limit, TestContext.Current.CancellationToken), "It did not come.");

    public static async Task UntilAsync(Func<Task<bool>> condition) =>
        Assert.True(await Deadline.WaitAsync(condition, Limit, TestContext.Current.CancellationToken), "It did not come.");

    /// <summary>The node is connected to Redis.</summary>
    public static Task UntilConnectedAsync(params Node[] nodes) => UntilAsync(() => nodes.All(node => node.Redis is null or { IsUsed: true }));
}
