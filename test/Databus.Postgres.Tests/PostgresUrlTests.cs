using Npgsql;

namespace Databus.Postgres.Tests;

public sealed class PostgresUrlTests
{
    [Fact]
    public void All_parts_are_read()
    {
        Assert.True(PostgresUrl.TryParse("postgres://data%40bus:p%2Fw@db.example:6432/my%20bus?sslmode=verify-full&Trust%20Server%20Certificate=false", out var text, out _));
        var read = new NpgsqlConnectionStringBuilder(text);
        Assert.Equal(("db.example", 6432, "my bus", "data@bus", "p/w", SslMode.VerifyFull), (read.Host, read.Port, read.Database, read.Username, read.Password, read.SslMode));
    }

    [Fact]
    public void What_is_left_out_has_a_default()
    {
        Assert.True(PostgresUrl.TryParse("postgresql://db", out var text, out _));
        var read = new NpgsqlConnectionStringBuilder(text);
        Assert.Equal(("db", 5432, "databus"), (read.Host, read.Port, read.Database));
    }

    [Theory]
    [InlineData("mysql://user:secret@db/bus")]
    [InlineData("postgres://")]
    [InlineData("postgres://user:secret@db/bus?sslmode=sometimes")]
    [InlineData("postgres://user:secret@db/bus?colour=blue")]
    public void What_is_wrong_is_said_without_the_password(string url)
    {
        Assert.False(PostgresUrl.TryParse(url, out _, out var refusal));
        Assert.DoesNotContain("secret", refusal, StringComparison.Ordinal);
        Assert.NotEmpty(refusal);
    }
}
