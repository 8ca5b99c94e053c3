using System.Diagnostics.CodeAnalysis;

namespace Databus.Nodes;

/// <summary>The roles as they are written: <c>api</c>, <c>worker</c>, <c>collector</c>, <c>scheduler</c>.</summary>
public static class NodeRoleWords
{
    private static readonly (NodeRoles Role, string Word)[] Known =
    [
        (NodeRoles.Api, "api"),
        (NodeRoles.Worker, "worker"),
        (NodeRoles.Collector, "collector"),
        (NodeRoles.Scheduler, "scheduler"),
    ];

    /// <summary>All of them, separated by commas.</summary>
    public static string All { get; } = string.Join(',', NodeRoles.All.Words());

    public static IEnumerable<string> Words(this NodeRoles roles) => Known.Where(known => roles.HasFlag(known.Role)).Select(known => known.Word);

    /// <summary>Reads words separated by commas. False: one is unknown, or there is none.</summary>
    public static bool TryRead([NotNullWhen(true)] string? text, out NodeRoles roles)
    {
        roles = NodeRoles.None;
        foreach (var word in (text ?? "").Split(',', StringSplitOptions.TrimEntries))
        {
            var role = Array.Find(Known, known => known.Word == word).Role;
            if (role == NodeRoles.None)
                return false;
            roles |= role;
        }

        return true;
    }
}
