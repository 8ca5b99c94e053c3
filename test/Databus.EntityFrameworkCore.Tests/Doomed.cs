using System.Globalization;

namespace Databus.EntityFrameworkCore.Tests;

/// <summary>Processes that are killed. Neither ends by itself.</summary>
internal static class Doomed
{
    /// <summary>Records two messages and commits, and sends nothing.</summary>
    public static async Task<int> RecordAsync(string database, string shape, string first, string second)
    {
        var shop = new Shop();
        await shop.StartAsync(database, outbox => outbox.Relay = false);
        await Shapes.All[shape](shop, Ending.Commit, new Shapes.Pair(int.Parse(first, CultureInfo.InvariantCulture), int.Parse(second, CultureInfo.InvariantCulture)));
        await Task.Delay(Timeout.Infinite);
        return 0;
    }

    /// <summary>Sends one after the other: each is written out, and sent when a line comes back.</summary>
    public static async Task<int> RelayAsync(string database)
    {
        var shop = new Shop
        {
            BatchSize = 1,
            Receiver = async message =>
            {
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"sent {message.Content.Number} {message.Id}"));
                if (await Console.In.ReadLineAsync() is null)
                    throw new IOException("Nobody answers.");
            },
        };
        await shop.StartAsync(database, outbox => outbox.BatchesAtOnce = 1);
        await Task.Delay(Timeout.Infinite);
        return 0;
    }
}
