using System.CommandLine;
using System.Text;
using System.Text.Json.Nodes;

namespace Databus.Server.CommandLine;

/// <summary>A job's arguments on the command line: JSON, or a hyphen for what comes on stdin. The server judges them.</summary>
internal static class RawArguments
{
    public static Option<string?> Option() => new("--arguments")
    {
        Description = "The job's arguments as JSON, or - to read them from stdin; {} when not given.",
        HelpName = "json",
    };

    /// <summary>The bytes to be sent; none where nothing was given.</summary>
    public static async Task<ReadOnlyMemory<byte>> ReadAsync(string? given, Terminal terminal, CancellationToken stop)
    {
        if (given != "-")
            return Encoding.UTF8.GetBytes(given ?? "");
        using var text = new MemoryStream();
        await terminal.In.CopyToAsync(text, stop);
        return text.ToArray();
    }

    /// <summary>To be sent as a member of something else; null where nothing was given.</summary>
    /// <exception cref="CommandFailure">It is no JSON.</exception>
    public static async Task<JsonNode?> ReadNodeAsync(string? given, Terminal terminal, CancellationToken stop)
    {
        ReadOnlyMemory<byte> text = await ReadAsync(given, terminal, stop);
        try
        {
            return text.IsEmpty ? null : JsonNode.Parse(text.Span);
        }
        catch (System.Text.Json.JsonException)
        {
            throw new CommandFailure(ExitCodes.WrongUsage, "--arguments wants JSON, such as {\"url\":\"https://example.org\"}.");
        }
    }
}
