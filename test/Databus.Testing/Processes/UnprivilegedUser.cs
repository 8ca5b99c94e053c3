namespace Databus.Testing.Processes;

/// <summary>
/// Who runs a server that refuses to be run by root. Where this process is not root's, that is the same user and nothing
/// changes.
/// </summary>
public sealed class UnprivilegedUser
{
    private readonly string _name;

    private UnprivilegedUser(string name) => _name = name;

    /// <summary>The user that Debian's postgresql-common makes, which is there wherever PostgreSQL is.</summary>
    public static UnprivilegedUser Postgres { get; } = new("postgres");

    /// <summary>The switches that make setpriv change to it.</summary>
    internal IEnumerable<string> Switches =>
        Environment.IsPrivilegedProcess ? [$"--reuid={_name}", $"--regid={_name}", "--clear-groups"] : [];

    /// <summary>Gives it a folder or file.</summary>
    public async Task OwnAsync(string path)
    {
        if (Environment.IsPrivilegedProcess)
            await ExternalTool.RunAsync("chown", $"{_name}:", path);
    }
}
