using System.Runtime.CompilerServices;
using System.Text;

namespace Databus.Proofs.Http;

/// <summary>One frame of a stream of events, by the rules of the standard: a frame without data only moves the id.</summary>
/// <param name="Id">The last id the stream named, or null.</param>
/// <param name="Data">The data, or null where the frame had none.</param>
internal readonly record struct EventFrame(string? Id, string? Data);

/// <summary>Reads server-sent events.</summary>
internal static class EventReader
{
    public static async IAsyncEnumerable<EventFrame> ReadAsync(
        Stream stream, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var reader = new StreamReader(stream, Encoding.UTF8);
        string? id = null;
        var data = new StringBuilder();
        var hasData = false;
        while (await reader.ReadLineAsync(cancellationToken) is { } line)
        {
            if (line.Length == 0)
            {
                yield return new EventFrame(id, hasData ? data.ToString() : null);
                data.Clear();
                hasData = false;
            }
            else if (Value(line, "id") is { } named)
            {
                id = named;
            }
            else if (Value(line, "data") is { } more)
            {
                if (hasData)
                    data.Append('\n');
                data.Append(more);
                hasData = true;
            }
        }
    }

    private static string? Value(string line, string field)
    {
        if (!line.StartsWith(field, StringComparison.Ordinal) || line.Length <= field.Length || line[field.Length] != ':')
            return null;
        var start = field.Length + 1;
        return line[(start < line.Length && line[start] == ' ' ? start + 1 : start)..];
    }
}
