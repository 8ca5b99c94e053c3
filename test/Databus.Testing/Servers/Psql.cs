using System.Globalization;
using Databus.Testing.Processes;

namespace Databus.Testing.Servers;

/// <summary>PostgreSQL's own client: with it, a server can be prepared without a driver that is itself under test.</summary>
internal static class Psql
{
    /// <summary>Runs SQL, and gives what it prints: a line a row, columns separated by a bar.</summary>
    /// <param name="host">A name, an address or the folder of a Unix socket.</param>
    /// <exception cref="InvalidOperationException">The server refused it or is not running; the message holds its own.</exception>
    public static Task<string> RunAsync(string host, int port, string database, string sql) => ExternalTool.RunAsync(
        PostgresPackage.Find("psql"), "--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set", "ON_ERROR_STOP=1",
        "--host", host, "--port", port.ToString(CultureInfo.InvariantCulture), "--username", "postgres", "--dbname", database,
        "--command", sql);

    public static async Task<bool> AnswersAsync(string host, int port)
    {
        try
        {
            return await RunAsync(host, port, "postgres", "SELECT 1") == "1";
        }
        catch (InvalidOperationException)
        {
            // Not yet. What is wrong for good is in the server's log.
            return false;
        }
    }
}
