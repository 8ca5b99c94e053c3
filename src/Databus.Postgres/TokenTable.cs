using Databus.Access;
using Databus.Storage;
using Npgsql;

namespace Databus.Postgres;

internal static class TokenTable
{
    public static async Task<bool> AddAsync(NpgsqlConnection connection, AccessToken token) => await connection.Command(
        "INSERT INTO databus.access_tokens (name, hash, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        token.Name, token.Hash, token.CreatedAt.ToColumn()).RunAsync(CancellationToken.None) == 1;

    public static async Task<bool> DeleteAsync(NpgsqlConnection connection, string name) =>
        await connection.Command("DELETE FROM databus.access_tokens WHERE name = $1", name).RunAsync(CancellationToken.None) == 1;

    public static Task<int> TouchAsync(NpgsqlConnection connection, string name, DateTimeOffset usedAt) => connection.Command(
        "UPDATE databus.access_tokens SET last_used_at = $2 WHERE name = $1", name, usedAt.ToColumn()).RunAsync(CancellationToken.None);

    public static Task<List<AccessToken>> ListAsync(NpgsqlConnection connection, CancellationToken cancellationToken) =>
        connection.Command("SELECT name, hash, created_at, last_used_at FROM databus.access_tokens ORDER BY name").RowsAsync(
            rows => new AccessToken(rows.GetString(0), rows.GetFieldValue<byte[]>(1), rows.Time(2), rows.MaybeTime(3)), cancellationToken);
}
