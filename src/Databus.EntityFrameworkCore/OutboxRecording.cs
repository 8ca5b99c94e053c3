using System.Runtime.CompilerServices;
using System.Text;
using Databus.Outbox;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.Extensions.DependencyInjection;

namespace Databus.EntityFrameworkCore;

public static class OutboxRecording
{
    /// <summary>What was recorded in a context and not yet told after a save.</summary>
    private static readonly ConditionalWeakTable<DbContext, List<RecordedMessage>> Untold = [];

    /// <summary>
    /// Lets contexts record messages, which are then sent right after the outermost commit. Works with contexts of every kind: scoped,
    /// pooled, from a factory, with a retrying strategy.
    /// </summary>
    /// <example>
    /// <code>
    /// services.AddDbContext&lt;ShopContext>((provider, options) => options.UseNpgsql(connectionString).UseOutbox(provider));
    /// </code>
    /// </example>
    /// <param name="services">Where <c>AddOutbox</c> was called.</param>
    public static DbContextOptionsBuilder UseOutbox(this DbContextOptionsBuilder options, IServiceProvider services) =>
        InterceptorOf(options.Options) is not null
            ? options
            : options.AddInterceptors(new OutboxInterceptor(services.GetRequiredService<OutboxClient>(), services.GetRequiredService<OutboxTypes>()));

    /// <inheritdoc cref="UseOutbox(DbContextOptionsBuilder, IServiceProvider)"/>
    public static DbContextOptionsBuilder<TContext> UseOutbox<TContext>(this DbContextOptionsBuilder<TContext> options, IServiceProvider services)
        where TContext : DbContext
    {
        UseOutbox((DbContextOptionsBuilder)options, services);
        return options;
    }

    /// <summary>
    /// Adds a message to what the next <c>SaveChanges</c> inserts, in the same transaction as everything else. It is sent when, and only
    /// if, the outermost transaction commits (P7). Messages of one save are recorded in the order of these calls.
    /// </summary>
    /// <param name="message">
    /// It is taken as it is now. A message with a table of its own (<see cref="OutboxModel.IsOutboxMessage"/>) is added to the context
    /// with its children, unless it is tracked already.
    /// </param>
    /// <param name="id">
    /// The id its receivers know it by. Where the transaction may be run again after a commit whose answer was lost, it is made outside of
    /// what is run again: two that were recorded have one id then, and receivers that know ids handle it once (P8). That nothing is
    /// recorded twice, only a unique row of the service's own in the same transaction sees to: the outbox forgets what it has sent.
    /// Default: a new one.
    /// </param>
    /// <returns>The message's id.</returns>
    /// <exception cref="InvalidOperationException">Messages of this type are not known, or the context does not use the outbox.</exception>
    /// <exception cref="ArgumentException">Its order key is too long.</exception>
    public static Guid Record<T>(this DbContext context, T message, Guid? id = null)
        where T : notnull
    {
        var interceptor = InterceptorOf(context.GetService<IDbContextOptions>())
            ?? throw new InvalidOperationException($"{context.GetType()} does not use the outbox: UseOutbox(services) belongs to its options.");
        if (context.Model.FindEntityType(typeof(RecordedMessage)) is null)
            throw new InvalidOperationException($"{context.GetType()} does not map the outbox table: modelBuilder.UseOutbox() belongs to its OnModelCreating.");
        var type = interceptor.Types.Of(typeof(T));
        var messageId = id ?? Guid.CreateVersion7();
        var described = type.Describe(message, messageId, type.HasContents ? OwnTable.Reference(messageId) : null);
        if (type.HasContents)
            OwnTable.Track(context, message, messageId);
        var row = new RecordedMessage
        {
            MessageId = described.Id,
            Type = described.Type,
            OrderKey = described.OrderKey,
            Content = Encoding.UTF8.GetString(described.Content),
            TraceParent = described.TraceParent,
        };
        context.Add(row);
        Untold.GetOrCreateValue(context).Add(row);
        return messageId;
    }

    /// <summary>What a save has inserted, by transaction: usually one. The rows are not tracked any more.</summary>
    internal static Dictionary<ulong, long> TakeSaved(DbContext context)
    {
        var lowest = new Dictionary<ulong, long>();
        if (!Untold.TryGetValue(context, out var untold))
            return lowest;
        var kept = new List<RecordedMessage>();
        foreach (var row in untold)
        {
            var entry = context.Entry(row);

            // The context was cleared, or given back to its pool, without a save.
            if (entry.State == EntityState.Detached)
                continue;
            var transaction = entry.Property(saved => saved.Transaction).CurrentValue;
            var id = entry.Property(saved => saved.Id).CurrentValue;
            lowest[transaction] = lowest.TryGetValue(transaction, out var known) ? Math.Min(known, id) : id;

            // Still to be inserted as far as the context knows, which was told not to accept its changes yet.
            if (entry.State == EntityState.Added)
                kept.Add(row);
            else
                entry.State = EntityState.Detached;
        }

        if (kept.Count == 0)
            Untold.Remove(context);
        else
            Untold.AddOrUpdate(context, kept);
        return lowest;
    }

    private static OutboxInterceptor? InterceptorOf(IDbContextOptions options) =>
        options.FindExtension<CoreOptionsExtension>()?.Interceptors?.OfType<OutboxInterceptor>().FirstOrDefault();
}
