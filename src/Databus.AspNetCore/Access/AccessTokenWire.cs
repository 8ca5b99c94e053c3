using System.Text.Json.Serialization;

namespace Databus.AspNetCore.Access;

internal sealed record AccessTokenBody(string? Name);

/// <summary>A token, without what would let anybody use it.</summary>
/// <param name="Token">The secret; in the answer that creates it and never again.</param>
internal sealed record AccessTokenAnswer(
    string Name, DateTimeOffset CreatedAt, DateTimeOffset? LastUsedAt, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Token);

internal sealed record AccessTokensAnswer(IEnumerable<AccessTokenAnswer> Tokens);
