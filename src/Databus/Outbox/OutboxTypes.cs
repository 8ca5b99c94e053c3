using System.Collections.Frozen;

namespace Databus.Outbox;

/// <summary>The types of message that this process knows, by name, old name and type.</summary>
internal sealed class OutboxTypes
{
    private readonly FrozenDictionary<string, OutboxType> _byName;
    private readonly FrozenDictionary<Type, OutboxType> _byContent;

    /// <summary>Sees to it that each name and each type stands for one type of message.</summary>
    /// <exception cref="InvalidOperationException">A name, an old name or a type stands for two.</exception>
    public OutboxTypes(IEnumerable<OutboxType> types)
    {
        All = [.. types.OrderBy(type => type.Name, StringComparer.Ordinal)];
        var byName = new Dictionary<string, OutboxType>(StringComparer.Ordinal);
        var byContent = new Dictionary<Type, OutboxType>();
        foreach (var type in All)
        {
            foreach (var name in type.Names)
            {
                if (!byName.TryAdd(name, type))
                    throw Twice($"The name \"{name}\"", byName[name], type);
            }

            if (!byContent.TryAdd(type.Content, type))
                throw Twice($"The type {type.Content}", byContent[type.Content], type);
        }

        _byName = byName.ToFrozenDictionary(StringComparer.Ordinal);
        _byContent = byContent.ToFrozenDictionary();
    }

    /// <summary>By name.</summary>
    public IReadOnlyList<OutboxType> All { get; }

    public OutboxType? Find(string name) => _byName.GetValueOrDefault(name);

    public OutboxType? Find(Type content) => _byContent.GetValueOrDefault(content);

    /// <summary>The type of message that this content is.</summary>
    /// <exception cref="InvalidOperationException">Messages of this type are not known.</exception>
    public OutboxType Of(Type content) => _byContent.GetValueOrDefault(content)
        ?? throw new InvalidOperationException($"{content} is not known as a message: AddOutboxMessage registers it.");

    private static InvalidOperationException Twice(string what, OutboxType first, OutboxType second) => new(
        $"{what} stands for two types of message: \"{first.Name}\" ({first.Content}) and \"{second.Name}\" ({second.Content}).");
}
