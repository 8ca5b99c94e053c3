using System.Text.RegularExpressions;
using Microsoft.Data.Sqlite;

namespace Databus.Sqlite;

/// <summary>
/// A prepared statement. Values are given in the order in which their <c>$names</c> first appear in the SQL.
/// Belongs to one connection and, like it, to one thread at a time.
/// </summary>
internal sealed partial class Statement : IDisposable
{
    private readonly SqliteCommand _command;
    private readonly SqliteParameter[] _parameters;

    public Statement(SqliteConnection connection, string sql)
    {
        _command = connection.CreateCommand();
        _command.CommandText = sql;
        _parameters = [.. ParameterName().Matches(sql).Select(match => match.Value).Distinct(StringComparer.Ordinal)
            .Select(name => _command.Parameters.AddWithValue(name, DBNull.Value))];
    }

    /// <summary>Runs it and returns how many rows it changed.</summary>
    public int Run(params ReadOnlySpan<object?> values)
    {
        Bind(values);
        return _command.ExecuteNonQuery();
    }

    /// <summary>The first column of the first row; null when there is no row or it holds NULL.</summary>
    public object? Value(params ReadOnlySpan<object?> values)
    {
        Bind(values);
        return _command.ExecuteScalar() is { } value and not DBNull ? value : null;
    }

    /// <summary>The rows. To be disposed before the statement runs again.</summary>
    public SqliteDataReader Rows(params ReadOnlySpan<object?> values)
    {
        Bind(values);
        return _command.ExecuteReader();
    }

    public void Dispose() => _command.Dispose();

    private void Bind(ReadOnlySpan<object?> values)
    {
        if (values.Length != _parameters.Length)
            throw new ArgumentException($"{values.Length} values for {_parameters.Length} parameters: {_command.CommandText}", nameof(values));
        for (var i = 0; i < values.Length; i++)
            _parameters[i].Value = values[i] ?? DBNull.Value;
    }

    [GeneratedRegex(@"\$\w+", RegexOptions.NonBacktracking)]
    private static partial Regex ParameterName();
}
