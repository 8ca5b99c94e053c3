using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Databus.Server.CommandLine.Wire;

namespace Databus.Server.CommandLine.Input;

/// <summary>
/// Remembers beside a file (<c>FILE.databus-progress</c>) how much of it is safely in the topic, so that an interrupted
/// <c>add --resume</c> goes on there. Losing it costs time, not correctness: what is sent again is a duplicate.
/// </summary>
internal sealed class ProgressFile
{
    public const string Extension = ".databus-progress";

    private readonly string _path;
    private Progress _progress;

    private ProgressFile(string path, Progress progress)
    {
        _path = path;
        _progress = progress;
    }

    public InputPosition Position => _progress.Position;

    public IReadOnlyList<string>? Columns => _progress.Columns;

    /// <summary>There was progress, of other work: the file has changed, or goes elsewhere.</summary>
    public bool Superseded { get; private init; }

    /// <summary>The progress of this file for this server and topic, read this way.</summary>
    public static ProgressFile For(FileInfo file, Uri server, string topic, string reading)
    {
        string path = file.FullName + Extension;
        var fresh = new Progress(
            Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(file.FullName))),
            file.Length,
            file.LastWriteTimeUtc,
            server.AbsoluteUri,
            topic,
            reading,
            InputPosition.Start,
            Columns: null);
        if (!File.Exists(path))
            return new ProgressFile(path, fresh);
        Progress? kept = Read(path);
        return kept is not null && kept.IsSameWorkAs(fresh)
            && kept.Position.Offset >= 0 && kept.Position.Offset <= fresh.Length
            ? new ProgressFile(path, kept)
            : new ProgressFile(path, fresh) { Superseded = true };
    }

    /// <summary>Everything before the position is durably in the topic.</summary>
    public void Advance(InputPosition position, IReadOnlyList<string>? columns)
    {
        _progress = _progress with { Position = position, Columns = columns };
        // Written beside and renamed, so that a kill at any moment leaves the old progress or the new one.
        string next = _path + ".new";
        File.WriteAllBytes(next, JsonSerializer.SerializeToUtf8Bytes(_progress, WireJson.Default.Progress));
        File.Move(next, _path, overwrite: true);
    }

    public void Delete() => File.Delete(_path);

    private static Progress? Read(string path)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(path), WireJson.Default.Progress);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
