using Databus.Access;
using Databus.Storage;

namespace Databus.Sqlite;

internal static class TokenTable
{
    public static bool Add(WriteSession session, AccessToken token) => session.Connection[
        "INSERT INTO access_tokens (name, hash, created_at) VALUES ($name, $hash, $now) ON CONFLICT DO NOTHING"].Run(
        token.Name, token.Hash, token.CreatedAt.ToColumn()) == 1;

    public static bool Delete(WriteSession session, string name) =>
        session.Connection["DELETE FROM access_tokens WHERE name = $name"].Run(name) == 1;

    public static int Touch(WriteSession session, string name, DateTimeOffset usedAt) => session.Connection[
        "UPDATE access_tokens SET last_used_at = $usedAt WHERE name = $name"].Run(usedAt.ToColumn(), name);

    public static IReadOnlyList<AccessToken> List(Connection connection)
    {
        using var rows = connection["SELECT name, hash, created_at, last_used_at FROM access_tokens ORDER BY name"].Rows();
        var tokens = new List<AccessToken>();
        while (rows.Read())
            tokens.Add(new AccessToken(rows.GetString(0), rows.GetFieldValue<byte[]>(1), Times.FromColumn(rows.GetInt64(2)), Times.FromColumn(rows[3])));
        return tokens;
    }
}
