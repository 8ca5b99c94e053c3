using System.Text.Json.Serialization;
using Databus.Outbox;
using Databus.Postgres.Outbox;
using Databus.Testing;
using Databus.Transactions;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Databus.EntityFrameworkCore.Tests.Documented
{
    public sealed record OrderPlaced(Guid Order, string Customer);

    public sealed class OrderPlacedSender(IMailer mailer) : IOutboxSender<OrderPlaced>
    {
        public Task SendAsync(OutboxMessage<OrderPlaced> message, CancellationToken cancellationToken) =>
            mailer.SendAsync(message.Content.Customer, $"Order {message.Content.Order}", message.Id, cancellationToken);
    }

    public interface IMailer
    {
        Task SendAsync(string recipient, string subject, Guid id, CancellationToken cancellationToken);
    }

    /// <summary>What the documentation shows, so that it compiles. <see cref="DocumentedExamplesTests"/> compares the two.</summary>
    internal static partial class DocumentedExamples
    {
        public static void Register(IServiceCollection services, string connectionString)
        {
            services.AddOutbox().AddPostgresOutbox(connectionString);
            services.AddOutboxMessage<OrderPlaced, OrderPlacedSender>("order-placed", OrdersJson.Default.OrderPlaced);
            services.AddDbContext<ShopContext>((provider, options) => options.UseNpgsql(connectionString).UseOutbox(provider));
        }

        public static void RegisterWithOptions(IServiceCollection services)
        {
            services.AddOutboxMessage<OrderPlaced, OrderPlacedSender>("order-placed", OrdersJson.Default.OrderPlaced, message =>
            {
                message.OrderKey = order => order.Customer; // none
                message.BatchSize = 100; // 1 to 1000
                message.MaxAttempts = 10; // then it is parked
                message.Parks = OutboxParking.Message; // or Key: what comes after it waits for it
                message.AutoFlush = true; // false: only a flush sends it
                message.KeepSentFor = TimeSpan.Zero; // what was sent is not kept
            });
        }

        public static void RegisterOwnTable(IServiceCollection services)
        {
            services.AddOutboxMessage<Consignment, ConsignmentSender>(
                "consignment", OrdersJson.Default.Consignment, options => options.KeepIn<ShopContext, Consignment>());
        }

        public static async Task RecordAsync(ShopContext shop, Order order, CancellationToken stop)
        {
            shop.Orders.Add(order);
            shop.Record(new OrderPlaced(order.Id, order.Customer));
            await shop.SaveChangesAsync(stop);
        }

        public static async Task RecordAsync(OutboxClient outbox, NpgsqlTransaction transaction, Order order, CancellationToken stop)
        {
            await outbox.RecordAsync(transaction, new OrderPlaced(order.Id, order.Customer), cancellationToken: stop);
            await transaction.CommitAsync(stop);
        }

        public static async Task RetryAsync(ShopContext shop, Order order, CancellationToken stop)
        {
            var id = Guid.CreateVersion7();
            await shop.Database.CreateExecutionStrategy().ExecuteAsync(async () =>
            {
                shop.ChangeTracker.Clear();
                shop.Orders.Add(order); // its id is unique
                shop.Record(new OrderPlaced(order.Id, order.Customer), id);
                await shop.SaveChangesAsync(stop);
            });
        }

        public static async Task LookAfterAsync(OutboxClient outbox, ILogger logger, ParkedMessage first, ParkedMessage second, CancellationToken stop)
        {
            foreach (var parked in await outbox.ListParkedAsync(types: ["order-placed"], cancellationToken: stop))
                logger.LogParked(parked.Id, parked.Reason);
            await outbox.ReplayAsync([first.Id], stop);
            await outbox.SkipAsync([second.Id], stop);
        }

        public static async Task<int> FlushAsync(OutboxClient outbox, CancellationToken stop)
        {
            var sent = await outbox.FlushAsync(new FlushOptions { Types = ["order-placed"] }, stop);
            return sent;
        }

        public static async Task ReceiveAsync(Inbox inbox, NpgsqlTransaction transaction, Guid messageId, Order order, CancellationToken stop)
        {
            if (await inbox.TryHandleAsync(transaction, messageId, stop))
                await PackAsync(transaction, order, stop);
            await transaction.CommitAsync(stop);
        }

        public static async Task OrderAsync(ShopContext shop, Order order, string name, CancellationToken stop)
        {
            await shop.AtomicAsync(
                async token =>
                {
                    var customer = await shop.LockAsync<Customer>(name, token) ?? shop.Add(new Customer { Name = name }).Entity;
                    customer.Orders++;
                    shop.Record(new OrderPlaced(order.Id, customer.Name));
                },
                new AtomicOptions { RetriesIntegrityErrors = true }, stop);
        }

        private static Task PackAsync(NpgsqlTransaction transaction, Order order, CancellationToken stop)
        {
            _ = (transaction, order, stop);
            return Task.CompletedTask;
        }

        [LoggerMessage(EventId = 1, Level = LogLevel.Warning, Message = "Message {Id} is parked: {Reason}")]
        private static partial void LogParked(this ILogger logger, long id, string reason);
    }

    internal sealed class Order
    {
        public Guid Id { get; init; } = Guid.CreateVersion7();

        public string Customer { get; init; } = "";
    }

    internal sealed class Customer
    {
        public string Name { get; init; } = "";

        public int Orders { get; set; }
    }

    internal sealed class ShopContext(DbContextOptions<ShopContext> options) : DbContext(options)
    {
        public DbSet<Order> Orders => Set<Order>();
    }

    [JsonSerializable(typeof(OrderPlaced))]
    [JsonSerializable(typeof(Consignment))]
    internal sealed partial class OrdersJson : JsonSerializerContext;
}

namespace Databus.EntityFrameworkCore.Tests
{
    public sealed class DocumentedExamplesTests
    {
        [Fact]
        public void Every_example_of_the_documentation_is_code_that_compiles()
        {
            var code = Lines(Checkout.Path("test/Databus.EntityFrameworkCore.Tests/DocumentedExamples.cs"));
            var examples = Examples(Lines(Checkout.Path("docs/outbox.md"))).ToList();
            Assert.NotEmpty(examples);
            Assert.All(examples, example => Assert.True(
                Enumerable.Range(0, code.Count).Any(at => code.Skip(at).Take(example.Count).SequenceEqual(example, StringComparer.Ordinal)),
                $"This is in the documentation alone:\n{string.Join('\n', example)}"));
        }

        private static IEnumerable<List<string>> Examples(List<string> lines)
        {
            List<string>? example = null;
            foreach (var line in lines)
            {
                if (line == "```csharp")
                {
                    example = [];
                }
                else if (line == "```" && example is not null)
                {
                    yield return example;
                    example = null;
                }
                else
                {
                    example?.Add(line);
                }
            }
        }

        /// <summary>Without what stands before and after them: in the code they are further to the right.</summary>
        private static List<string> Lines(string file) => [.. File.ReadAllLines(file).Select(line => line.Trim())];
    }
}
