using System.Diagnostics;
using System.Globalization;
using Databus.Testing.Servers;
using RabbitMQ.Client;

namespace Databus.RabbitMq.Tests.Destinations;

public sealed class TempTests
{
    [Fact]
    public async Task Temp_bare()
    {
        for (var round = 0; round < 14; round++)
        {
            await using var server = await RabbitMqServer.StartAsync();
            await server.ControlAsync("eval", "mnesia:dump_log().");
            var watch = Stopwatch.StartNew();
            var log = new List<string>();
            await using (var connection = await new ConnectionFactory { Uri = server.Address }.CreateConnectionAsync())
            {
                await using var channel = await connection.CreateChannelAsync(new CreateChannelOptions(true, true));
                await channel.QueueDeclareAsync("ads", true, false, false);
                log.Add($"declared {watch.ElapsedMilliseconds}");
                for (var b = 0; b < 5; b++)
                {
                    await Task.WhenAll(Enumerable.Range(0, 100).Select(i => channel.BasicPublishAsync("", "ads", true, new BasicProperties { Persistent = true, MessageId = i.ToString(CultureInfo.InvariantCulture) }, new byte[20]).AsTask()));
                    log.Add($"confirmed {watch.ElapsedMilliseconds}");
                }

                log.Add($"kill {watch.ElapsedMilliseconds}");
                await server.KillAsync();
            }

            await server.StartAgainAsync();
            await using var c2 = await new ConnectionFactory { Uri = server.Address }.CreateConnectionAsync();
            await using var ch2 = await c2.CreateChannelAsync();
            var ok = "lost!";
            try
            {
                ok = $"{(await ch2.QueueDeclarePassiveAsync("ads")).MessageCount}";
            }
            catch (Exception e)
            {
                ok += e.Message;
            }

            File.AppendAllText("/tmp/rmq/temp.txt", $"{round}: {string.Join(", ", log)} -> {ok}\n");
        }
    }
}
