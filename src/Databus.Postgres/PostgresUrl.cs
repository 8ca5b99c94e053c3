using System.Diagnostics.CodeAnalysis;
using Npgsql;

namespace Databus.Postgres;

/// <summary>
/// <c>postgres://user:password@host:port/database?sslmode=require</c>, as libpq and most programs know it. The
/// parameters behind the question mark are libpq's <c>sslmode</c> or Npgsql's own names.
/// </summary>
public static class PostgresUrl
{
    private const int DefaultPort = 5432;

    public static bool IsOne(string text) =>
        text.StartsWith("postgres://", StringComparison.OrdinalIgnoreCase) || text.StartsWith("postgresql://", StringComparison.OrdinalIgnoreCase);

    /// <summary>The connection string that the address stands for.</summary>
    /// <param name="refusal">What is wrong, in a sentence without the password.</param>
    public static bool TryParse(string text, [NotNullWhen(true)] out string? connectionString, [NotNullWhen(false)] out string? refusal)
    {
        connectionString = null;
        if (!IsOne(text) || !Uri.TryCreate(text, UriKind.Absolute, out var url) || url.Host.Length == 0)
        {
            refusal = "The address of a PostgreSQL store is postgres://user:password@host:port/database.";
            return false;
        }

        var user = url.UserInfo.Split(':', 2);
        var builder = new NpgsqlConnectionStringBuilder
        {
            Host = Uri.UnescapeDataString(url.Host.Trim('[', ']')),
            Port = url.Port > 0 ? url.Port : DefaultPort,
            Database = url.AbsolutePath.Length > 1 ? Uri.UnescapeDataString(url.AbsolutePath[1..]) : "databus",
            Username = user[0].Length > 0 ? Uri.UnescapeDataString(user[0]) : null,
            Password = user.Length > 1 ? Uri.UnescapeDataString(user[1]) : null,
        };
        foreach (var parameter in url.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var (name, value) = parameter.Split('=', 2) is [var left, var right] ? (left, Uri.UnescapeDataString(right)) : (parameter, "");
            try
            {
                builder[name.Equals("sslmode", StringComparison.OrdinalIgnoreCase) ? "SSL Mode" : Uri.UnescapeDataString(name)] =
                    value.Replace("-", "", StringComparison.Ordinal);
            }
            catch (Exception error) when (error is ArgumentException or FormatException or InvalidCastException)
            {
                refusal = $"The parameter {name} of the store's address is not known, or {name} cannot be '{value}'.";
                return false;
            }
        }

        connectionString = builder.ConnectionString;
        refusal = null;
        return true;
    }
}
