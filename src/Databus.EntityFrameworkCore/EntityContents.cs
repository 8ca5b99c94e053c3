using System.Data.Common;
using System.Globalization;
using System.Text;
using Databus.Outbox;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Metadata;
using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.Extensions.DependencyInjection;

namespace Databus.EntityFrameworkCore;

/// <summary>Contents of messages as entities of a context, found by the message's id.</summary>
internal sealed class EntityContents<TContext, T> : IOutboxContents<T>
    where TContext : DbContext
    where T : class
{
    // Found before any content is looked at: an application that lacks them is no fault of a message.
    private readonly IDbContextFactory<TContext>? _factory;
    private readonly TContext? _context;

    public EntityContents(IServiceProvider services)
    {
        _factory = services.GetService<IDbContextFactory<TContext>>();
        _context = _factory is null ? services.GetRequiredService<TContext>() : null;
    }

    public Task<IReadOnlyList<T?>> LoadAsync(IReadOnlyList<ReadOnlyMemory<byte>> references, CancellationToken cancellationToken) =>
        UseContextAsync<IReadOnlyList<T?>>(async context =>
        {
            var places = references.Select(OwnTable.Read).ToList();
            var ids = places.OfType<Guid>().ToList();
            var query = context.Set<T>().IgnoreQueryFilters().AsNoTrackingWithIdentityResolution().AsSingleQuery();
            foreach (var path in ChildPaths(EntityType(context), []))
                query = query.Include(path);
            var found = await query
                .Where(entity => ids.Contains(EF.Property<Guid>(entity, OutboxModel.MessageIdProperty)))
                .Select(entity => new { Id = EF.Property<Guid>(entity, OutboxModel.MessageIdProperty), Entity = entity })
                .ToDictionaryAsync(row => row.Id, row => row.Entity, cancellationToken);
            return places.ConvertAll(id => id is { } known ? found.GetValueOrDefault(known) : null);
        });

    public Task DeleteAsync(DbTransaction transaction, IReadOnlyList<ReadOnlyMemory<byte>> references, CancellationToken cancellationToken) =>
        UseContextAsync(async context =>
        {
            // By hand, on the outbox's connection: a context with a retrying strategy takes no transaction of somebody else.
            await using var command = transaction.Connection!.CreateCommand();
            command.Transaction = transaction;
            var names = new List<string>(references.Count);
            foreach (var id in references.Select(OwnTable.Read).OfType<Guid>())
            {
                var parameter = command.CreateParameter();
                parameter.ParameterName = string.Create(CultureInfo.InvariantCulture, $"id{names.Count}");
                parameter.Value = id;
                command.Parameters.Add(parameter);
                names.Add("@" + parameter.ParameterName);
            }

            if (names.Count == 0)
                return 0;
            command.CommandText = DeleteSql(EntityType(context), context.GetService<ISqlGenerationHelper>(), string.Join(", ", names));
            return await command.ExecuteNonQueryAsync(cancellationToken);
        });

    private static IEntityType EntityType(TContext context) =>
        context.Model.FindEntityType(typeof(T)) ?? throw new InvalidOperationException($"{typeof(T)} is not an entity of {typeof(TContext)}.");

    /// <summary>Of everything that is deleted with its parent: by which navigations it is reached.</summary>
    private static IEnumerable<string> ChildPaths(IEntityType parent, HashSet<IEntityType> above)
    {
        above = [.. above, parent];
        foreach (var navigation in parent.GetNavigations())
        {
            // What is owned is read with its owner anyway.
            if (navigation.IsOnDependent || !IsChild(navigation.ForeignKey) || above.Contains(navigation.TargetEntityType))
                continue;
            if (!navigation.TargetEntityType.IsOwned())
                yield return navigation.Name;
            foreach (var path in ChildPaths(navigation.TargetEntityType, above))
                yield return $"{navigation.Name}.{path}";
        }
    }

    private static bool IsChild(IForeignKey key) => key.IsOwnership || key.DeleteBehavior is DeleteBehavior.Cascade or DeleteBehavior.ClientCascade;

    /// <summary>Children first, whether or not the database would delete them by itself.</summary>
    private static string DeleteSql(IEntityType root, ISqlGenerationHelper sql, string ids)
    {
        var statements = new StringBuilder();
        var table = StoreObjectIdentifier.Create(root, StoreObjectType.Table)!.Value;
        var column = sql.DelimitIdentifier(root.FindProperty(OutboxModel.MessageIdProperty)!.GetColumnName(table)!);
        Append(root, $"{column} IN ({ids})", []);
        return statements.ToString();

        void Append(IEntityType parent, string condition, HashSet<IEntityType> above)
        {
            above = [.. above, parent];
            var from = StoreObjectIdentifier.Create(parent, StoreObjectType.Table)!.Value;
            foreach (var key in parent.GetReferencingForeignKeys().Where(key => IsChild(key) && !above.Contains(key.DeclaringEntityType)))
            {
                // Children in the parent's own row, as columns or JSON, go with it.
                if (StoreObjectIdentifier.Create(key.DeclaringEntityType, StoreObjectType.Table) is { } child && child != from && !key.DeclaringEntityType.IsMappedToJson())
                    Append(key.DeclaringEntityType, $"({Columns(key.Properties, child)}) IN (SELECT {Columns(key.PrincipalKey.Properties, from)} FROM {Name(from)} WHERE {condition})", above);
            }

            statements.Append(CultureInfo.InvariantCulture, $"DELETE FROM {Name(from)} WHERE {condition};");
        }

        string Columns(IEnumerable<IProperty> properties, StoreObjectIdentifier of) =>
            string.Join(", ", properties.Select(property => sql.DelimitIdentifier(property.GetColumnName(of)!)));

        string Name(StoreObjectIdentifier of) => sql.DelimitIdentifier(of.Name, of.Schema);
    }

    private async Task<TResult> UseContextAsync<TResult>(Func<TContext, Task<TResult>> use)
    {
        if (_factory is null)
            return await use(_context!);
        await using var context = await _factory.CreateDbContextAsync();
        return await use(context);
    }
}
