using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Unicode;

namespace Databus.Server.CommandLine.Input;

/// <summary>
/// CSV as RFC 4180 has it: the first record names the columns, each further one becomes an object. Quoted values may hold
/// delimiters, line breaks and doubled quotes; LF and CRLF both end a record; blank lines are nothing.
/// </summary>
/// <remarks>
/// Values are strings. With <c>typed</c>, a value becomes null when it is empty or says <c>null</c>, a boolean when it
/// says <c>true</c> or <c>false</c> (in any case), and a number when it is written as JSON writes numbers in at most 15
/// digits: <c>02139</c> and longer numbers stay text, so nothing is lost.
/// A column without a name is called <c>column3</c> by its place; a name that comes again gets <c>_2</c>.
/// </remarks>
internal sealed class CsvSplitter : ItemSplitter
{
    // Unescaped letters keep requests small; the result goes to a JSON parser, not into a page.
    private static readonly JsonWriterOptions Writing = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly byte _delimiter;
    private readonly bool _typed;
    private readonly List<int> _fieldEnds = [];
    private readonly ArrayBufferWriter<byte> _json = new(4096);

    private string[]? _columns;
    private JsonEncodedText[] _names = [];
    private State _state;
    private bool _anyQuote;
    private long _recordLine;

    public CsvSplitter(InputPosition start, char delimiter, bool typed, IReadOnlyList<string>? columns = null)
        : base(start)
    {
        _delimiter = (byte)delimiter;
        _typed = typed;
        _recordLine = start.Line;
        if (columns is not null)
            SetColumns([.. columns]);
    }

    private enum State
    {
        FieldStart,
        Unquoted,
        Quoted,
        AfterQuote,
    }

    public override IReadOnlyList<string>? Columns => _columns;

    public override void End(Chunk chunk)
    {
        if (_state == State.Quoted)
            Spoil("A quoted value is not closed.");
        if (_state != State.FieldStart || _fieldEnds.Count > 0)
            EndRecord(chunk);
    }

    protected override int Take(ReadOnlySpan<byte> bytes, Chunk chunk)
    {
        int used = 0;
        while (used < bytes.Length && !chunk.IsFull)
        {
            if (_state is State.Quoted or State.Unquoted)
            {
                // The delimiter and CR end no quoted run; stopping there is only a little slower.
                ReadOnlySpan<byte> rest = bytes[used..];
                int run = rest.IndexOfAny((byte)'"', (byte)'\n', _delimiter);
                run = run < 0 ? rest.Length : run;
                if (run > 0)
                {
                    Keep(rest[..run]);
                    used += run;
                    Offset += run;
                    continue;
                }
            }
            byte value = bytes[used++];
            Offset++;
            if (value == '\n')
                Line++;
            TakeByte(value, chunk);
        }
        return used;
    }

    private void TakeByte(byte value, Chunk chunk)
    {
        switch (_state)
        {
            case State.Quoted when value == '"':
                _state = State.AfterQuote;
                break;
            case State.Quoted:
                Keep(value);
                break;
            case State.AfterQuote when value == '"':
                Keep(value);
                _state = State.Quoted;
                break;
            case State.FieldStart when value == '"':
                _anyQuote = true;
                _state = State.Quoted;
                break;
            case State.AfterQuote when value == '\r':
                break;
            case var _ when value == _delimiter:
                EndField();
                break;
            case var _ when value == '\n':
                EndRecord(chunk);
                break;
            default:
                if (_state == State.AfterQuote)
                    Spoil("There is text behind a closing quote.");
                _state = State.Unquoted;
                Keep(value);
                break;
        }
    }

    private void EndField()
    {
        _fieldEnds.Add(Item.Length);
        _state = State.FieldStart;
    }

    private void EndRecord(Chunk chunk)
    {
        bool dropReturn = _state == State.Unquoted && Item is [.., (byte)'\r'];
        _fieldEnds.Add(dropReturn ? Item.Length - 1 : Item.Length);
        _state = State.FieldStart;
        bool blank = _fieldEnds is [0] && !_anyQuote && !IsSpoiled;
        long line = _recordLine;
        _recordLine = Line;
        if (blank)
        {
            Forget();
        }
        else if (_columns is null)
        {
            ReadHeader();
            Forget();
        }
        else
        {
            WriteObject();
            Finish(chunk, line, _json.WrittenSpan, new InputPosition(Offset, Line, InArray: false));
        }
        _fieldEnds.Clear();
        _anyQuote = false;
    }

    private void ReadHeader()
    {
        if (IsSpoiled || !Utf8.IsValid(Item))
            throw new CommandFailure(ExitCodes.Failed, "The first line of the CSV does not name its columns in UTF-8.");
        var names = new string[_fieldEnds.Count];
        var taken = new HashSet<string>(StringComparer.Ordinal);
        for (int column = 0; column < names.Length; column++)
        {
            string name = Encoding.UTF8.GetString(Field(column)).Trim();
            if (name.Length == 0)
                name = $"column{column + 1}";
            string unique = name;
            for (int again = 2; !taken.Add(unique); again++)
                unique = $"{name}_{again}";
            names[column] = unique;
        }
        if (names is [string only] && (only.Contains(';') || only.Contains('\t') || only.Contains(',')))
        {
            throw new CommandFailure(
                ExitCodes.Failed,
                $"The CSV seems to have another delimiter: its only column would be '{Printable.Line(only)}'. Name it with --delimiter.");
        }
        SetColumns(names);
    }

    private void SetColumns(string[] names)
    {
        _columns = names;
        _names = Array.ConvertAll(names, name => JsonEncodedText.Encode(name, JavaScriptEncoder.UnsafeRelaxedJsonEscaping));
    }

    private ReadOnlySpan<byte> Field(int column) => Item[(column == 0 ? 0 : _fieldEnds[column - 1]).._fieldEnds[column]];

    private void WriteObject()
    {
        _json.ResetWrittenCount();
        if (IsSpoiled)
            return;
        if (_fieldEnds.Count != _names.Length)
        {
            Spoil($"The record has {_fieldEnds.Count} values, the first line names {_names.Length} columns.");
            return;
        }
        for (int column = 0; column < _names.Length; column++)
        {
            if (!Utf8.IsValid(Field(column)))
                Spoil("The record is not UTF-8.");
        }
        if (IsSpoiled)
            return;
        using var writer = new Utf8JsonWriter(_json, Writing);
        writer.WriteStartObject();
        for (int column = 0; column < _names.Length; column++)
        {
            writer.WritePropertyName(_names[column]);
            if (_typed)
                WriteTyped(writer, Field(column));
            else
                writer.WriteStringValue(Field(column));
        }
        writer.WriteEndObject();
        writer.Flush();
    }

    private static void WriteTyped(Utf8JsonWriter writer, ReadOnlySpan<byte> value)
    {
        if (value.IsEmpty || Ascii.EqualsIgnoreCase(value, "null"u8))
            writer.WriteNullValue();
        else if (Ascii.EqualsIgnoreCase(value, "true"u8))
            writer.WriteBooleanValue(true);
        else if (Ascii.EqualsIgnoreCase(value, "false"u8))
            writer.WriteBooleanValue(false);
        else if (IsShortNumber(value))
            writer.WriteRawValue(value, skipInputValidation: true);
        else
            writer.WriteStringValue(value);
    }

    /// <summary>Whether the value is a JSON number that every program reads back as written. No exponents: 1e5 may be a code.</summary>
    private static bool IsShortNumber(ReadOnlySpan<byte> value)
    {
        ReadOnlySpan<byte> digits = value[0] == '-' ? value[1..] : value;
        int point = digits.IndexOf((byte)'.');
        ReadOnlySpan<byte> whole = point < 0 ? digits : digits[..point];
        ReadOnlySpan<byte> fraction = point < 0 ? [] : digits[(point + 1)..];
        return whole.Length + fraction.Length <= 15
            && !whole.IsEmpty
            && !(whole.Length > 1 && whole[0] == '0')
            && !(point >= 0 && fraction.IsEmpty)
            && !whole.ContainsAnyExceptInRange((byte)'0', (byte)'9')
            && !fraction.ContainsAnyExceptInRange((byte)'0', (byte)'9');
    }
}
