using System.Globalization;
using System.Text.Json;

namespace Databus.Proofs.Http;

/// <summary>A whole answer.</summary>
/// <param name="Status">The HTTP status.</param>
/// <param name="Body">The JSON of the body; undefined where there is none.</param>
internal sealed record Answer(int Status, JsonElement Body)
{
    public bool IsSuccess => Status is >= 200 and < 300;

    /// <summary>The server does not know itself whether it happened.</summary>
    public bool IsUncertain => Status == 503 && Body.ValueKind == JsonValueKind.Object && Body.TryGetProperty("type", out var type)
        && type.GetString() is { } text && text.EndsWith("unavailable", StringComparison.Ordinal);

    public Answer EnsureSuccess() => IsSuccess ? this : throw new HttpRequestException($"{Status}: {Body}");

    public int Number(string name) => Body.GetProperty(name).GetInt32();

    public long LongNumber(string name) => Body.GetProperty(name).GetInt64();

    public long Id() => ReadId(Body);

    /// <summary>The <c>id</c> of an object; ids are strings on the wire.</summary>
    public static long ReadId(JsonElement element) =>
        long.Parse(element.GetProperty("id").GetString()!, NumberStyles.None, CultureInfo.InvariantCulture);
}
