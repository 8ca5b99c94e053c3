using System.Collections.Frozen;

namespace Databus.Jobs;

/// <summary>The jobs that this process knows, by name, old name and type.</summary>
internal sealed class JobKinds
{
    private readonly FrozenDictionary<string, JobKind> _byName;
    private readonly FrozenDictionary<Type, JobKind> _byType;

    /// <summary>Sees to it that each name and each type stands for one job.</summary>
    /// <exception cref="InvalidOperationException">A name, an old name or a type stands for two jobs.</exception>
    public JobKinds(IEnumerable<JobKind> kinds)
    {
        var byName = new Dictionary<string, JobKind>(StringComparer.Ordinal);
        var byType = new Dictionary<Type, JobKind>();
        foreach (var kind in kinds)
        {
            foreach (var name in kind.Aliases.Prepend(kind.Name))
            {
                if (!byName.TryAdd(name, kind))
                    throw Twice($"The job name \"{name}\"", byName[name], kind);
            }

            if (!byType.TryAdd(kind.Arguments, kind))
                throw Twice($"The type {kind.Arguments}", byType[kind.Arguments], kind);
        }

        _byName = byName.ToFrozenDictionary(StringComparer.Ordinal);
        _byType = byType.ToFrozenDictionary();
        Handled = [.. byName.Where(pair => pair.Value.HasHandler).Select(pair => pair.Key).Order(StringComparer.Ordinal)];
    }

    /// <summary>The names, old ones too, of which this process has the handlers.</summary>
    public IReadOnlyList<string> Handled { get; }

    public JobKind? Find(string name) => _byName.GetValueOrDefault(name);

    /// <summary>The job whose arguments are of this type.</summary>
    /// <exception cref="InvalidOperationException">No job of this type is known.</exception>
    public JobKind Of(Type type) => _byType.GetValueOrDefault(type)
        ?? throw new InvalidOperationException($"{type} is not known as a job: AddJob registers it.");

    private static InvalidOperationException Twice(string what, JobKind first, JobKind second) => new(
        $"{what} stands for two jobs: \"{first.Name}\" ({first.Arguments}) and \"{second.Name}\" ({second.Arguments}).");
}
