using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Databus.Json;

/// <summary>Reads one JSON value and keeps, in buffers used again, its canonical and its compact form.</summary>
/// <remarks>
/// One pass. The members of an object are written as they come and noted; only where they did not come in order they
/// are moved at the object's end, which leaves everything outside it in place.
/// </remarks>
internal sealed class CanonicalJsonWriter
{
    private const int InitialBytes = 1024;
    private const int InitialMembers = 64;
    private const int KeptBytes = 256 * 1024;
    private const int KeptMembers = 8 * 1024;

    [ThreadStatic]
    private static CanonicalJsonWriter? _ofThisThread;

    private readonly Container[] _containers = new Container[CanonicalJson.MaxDepth];
    private readonly Comparison<Member> _byName;
    private int _depth;
    private Member[] _members = new Member[InitialMembers];
    private int _memberCount;
    private ByteBuffer _canonical = new(InitialBytes);
    private ByteBuffer _compact = new(InitialBytes);
    private ByteBuffer _moved = new(InitialBytes);
    private ByteBuffer _unescapedNames = new(InitialBytes);

    private CanonicalJsonWriter() => _byName = Compare;

    /// <summary>This thread's writer. What it holds is valid until it writes again or is trimmed.</summary>
    public static CanonicalJsonWriter OfThisThread => _ofThisThread ??= new();

    public ReadOnlySpan<byte> Canonical => _canonical.Written;

    /// <summary>The text as it was sent, without the white space outside strings.</summary>
    public ReadOnlySpan<byte> Compact => _compact.Written;

    public JsonValueKind RootKind { get; private set; }

    /// <summary>Reads a text, and says what is wrong with it, or null.</summary>
    public JsonError? Write(ReadOnlySpan<byte> utf8)
    {
        _depth = 0;
        _memberCount = 0;
        _canonical.Clear();
        _compact.Clear();
        _unescapedNames.Clear();
        RootKind = JsonValueKind.Undefined;

        if (utf8.StartsWith("\uFEFF"u8))
            return JsonError.ByteOrderMark;
        if (!Utf8.IsValid(utf8))
            return JsonError.InvalidUtf8(utf8);
        try
        {
            return WriteTokens(utf8);
        }
        catch (JsonException exception)
        {
            // The reader has no way to say this but throwing.
            return JsonError.Syntax(exception);
        }
    }

    /// <summary>Gives up buffers that one large text made large.</summary>
    public void Trim()
    {
        Trim(ref _canonical);
        Trim(ref _compact);
        Trim(ref _moved);
        Trim(ref _unescapedNames);
        if (_members.Length > KeptMembers)
            _members = new Member[InitialMembers];
    }

    private static void Trim(ref ByteBuffer buffer)
    {
        if (buffer.Capacity > KeptBytes)
            buffer = new(InitialBytes);
    }

    private JsonError? WriteTokens(ReadOnlySpan<byte> utf8)
    {
        // One level more than allowed, so that going too deep is seen here and told from bad syntax.
        var reader = new Utf8JsonReader(utf8, new JsonReaderOptions { MaxDepth = CanonicalJson.MaxDepth + 1 });
        while (reader.Read())
        {
            JsonError? error = null;
            switch (reader.TokenType)
            {
                case JsonTokenType.PropertyName:
                    error = WriteName(ref reader);
                    break;
                case JsonTokenType.String:
                    BeginValue(JsonValueKind.String);
                    error = WriteString(ref reader);
                    break;
                case JsonTokenType.Number:
                    BeginValue(JsonValueKind.Number);
                    _compact.Append(reader.ValueSpan);
                    if (!CanonicalNumber.TryAppend(reader.ValueSpan, ref _canonical))
                        error = JsonError.NumberOutOfRange(reader.TokenStartIndex);
                    break;
                case JsonTokenType.StartObject:
                    BeginValue(JsonValueKind.Object);
                    error = Open(isObject: true, ref reader);
                    break;
                case JsonTokenType.StartArray:
                    BeginValue(JsonValueKind.Array);
                    error = Open(isObject: false, ref reader);
                    break;
                case JsonTokenType.EndObject:
                    error = EndMembers();
                    Close((byte)'}');
                    break;
                case JsonTokenType.EndArray:
                    Close((byte)']');
                    break;
                case JsonTokenType.True:
                    BeginValue(JsonValueKind.True);
                    WriteToBoth("true"u8);
                    break;
                case JsonTokenType.False:
                    BeginValue(JsonValueKind.False);
                    WriteToBoth("false"u8);
                    break;
                default:
                    BeginValue(JsonValueKind.Null);
                    WriteToBoth("null"u8);
                    break;
            }

            if (error is not null)
                return error;
        }

        return null;
    }

    private void BeginValue(JsonValueKind kind)
    {
        if (_depth == 0)
        {
            RootKind = kind;
            return;
        }

        ref var container = ref _containers[_depth - 1];
        if (!container.IsObject && container.Count++ > 0)
            WriteToBoth(","u8);
    }

    private JsonError? Open(bool isObject, ref Utf8JsonReader reader)
    {
        if (_depth == CanonicalJson.MaxDepth)
            return JsonError.TooDeep(reader.TokenStartIndex);
        WriteToBoth(isObject ? "{"u8 : "["u8);
        _containers[_depth++] = new Container
        {
            IsObject = isObject,
            IsSorted = true,
            Start = _canonical.Length,
            FirstMember = _memberCount,
        };
        return null;
    }

    private void Close(byte bracket)
    {
        _canonical.Append(bracket);
        _compact.Append(bracket);
        _memberCount = _containers[--_depth].FirstMember;
    }

    private JsonError? WriteString(ref Utf8JsonReader reader)
    {
        var text = reader.ValueSpan;
        _compact.AppendQuoted(text);
        if (!reader.ValueIsEscaped)
        {
            _canonical.AppendQuoted(text);
            return null;
        }

        _canonical.Append((byte)'"');
        if (!CanonicalString.TryAppend(text, ref _canonical))
            return JsonError.LoneSurrogate(reader.TokenStartIndex);
        _canonical.Append((byte)'"');
        return null;
    }

    private JsonError? WriteName(ref Utf8JsonReader reader)
    {
        ref var container = ref _containers[_depth - 1];
        if (container.Count++ > 0)
        {
            EndMember();
            WriteToBoth(","u8);
        }

        var member = new Member { Start = _canonical.Length };
        if (WriteString(ref reader) is { } error)
            return error;

        member.NameStart = member.Start + 1;
        member.NameLength = _canonical.Length - member.Start - 2;
        if (reader.ValueIsEscaped && NameOf(member).Contains((byte)'\\'))
        {
            member.NameStart = ~_unescapedNames.Length;
            member.NameLength = reader.CopyString(_unescapedNames.Reserve(reader.ValueSpan.Length));
            _unescapedNames.Advance(member.NameLength);
        }

        WriteToBoth(":"u8);
        member.Prefix = Utf16Order.Prefix(NameOf(member));
        if (container.IsSorted && container.Count > 1)
            container.IsSorted = Compare(_members[_memberCount - 1], member) < 0;
        if (_memberCount == _members.Length)
            Array.Resize(ref _members, 2 * _members.Length);
        _members[_memberCount++] = member;
        return null;
    }

    private void EndMember()
    {
        ref var member = ref _members[_memberCount - 1];
        member.Length = _canonical.Length - member.Start;
    }

    private JsonError? EndMembers()
    {
        ref var container = ref _containers[_depth - 1];
        if (container.Count > 0)
            EndMember();
        if (container.IsSorted)
            return null;

        var members = _members.AsSpan(container.FirstMember, container.Count);
        members.Sort(_byName);
        for (var i = 1; i < members.Length; i++)
        {
            if (Compare(members[i - 1], members[i]) == 0)
                return JsonError.DuplicateName(PathOfLast(), Encoding.UTF8.GetString(NameOf(members[i])));
        }

        Move(members, container.Start);
        return null;
    }

    private void Move(ReadOnlySpan<Member> members, int start)
    {
        var target = _canonical.Written[start..];
        _moved.Clear();
        _moved.Append(target);
        var asWritten = _moved.Written;
        for (var i = 0; i < members.Length; i++)
        {
            if (i > 0)
            {
                target[0] = (byte)',';
                target = target[1..];
            }

            asWritten.Slice(members[i].Start - start, members[i].Length).CopyTo(target);
            target = target[members[i].Length..];
        }
    }

    private void WriteToBoth(ReadOnlySpan<byte> text)
    {
        _canonical.Append(text);
        _compact.Append(text);
    }

    private int Compare(Member left, Member right) =>
        left.Prefix != right.Prefix
            ? left.Prefix.CompareTo(right.Prefix)
            : Utf16Order.Compare(NameOf(left), NameOf(right));

    private ReadOnlySpan<byte> NameOf(Member member) =>
        member.NameStart >= 0
            ? _canonical.Written.Slice(member.NameStart, member.NameLength)
            : _unescapedNames.Written.Slice(~member.NameStart, member.NameLength);

    /// <summary>A JSON pointer to the container that was opened last.</summary>
    private string PathOfLast()
    {
        var path = new StringBuilder();
        for (var i = 0; i < _depth - 1; i++)
        {
            path.Append('/');
            if (!_containers[i].IsObject)
            {
                path.Append(_containers[i].Count - 1);
                continue;
            }

            var name = NameOf(_members[_containers[i + 1].FirstMember - 1]);
            path.Append(JsonPointer.Escaped(Encoding.UTF8.GetString(name)));
        }

        return path.ToString();
    }

    [StructLayout(LayoutKind.Auto)]
    private struct Container
    {
        public bool IsObject;
        public bool IsSorted;

        /// <summary>Where its inside begins in the canonical text.</summary>
        public int Start;

        /// <summary>Where its members begin among all members of open objects.</summary>
        public int FirstMember;

        /// <summary>Members or elements begun so far.</summary>
        public int Count;
    }

    [StructLayout(LayoutKind.Auto)]
    private struct Member
    {
        /// <summary>Decides most comparisons.</summary>
        public ulong Prefix;

        /// <summary>Where the member, from its name's quotation mark on, begins in the canonical text.</summary>
        public int Start;

        /// <summary>Up to the end of its value.</summary>
        public int Length;

        /// <summary>
        /// Where the name stands without escapes: in the canonical text or, as the complement, among the unescaped names.
        /// </summary>
        public int NameStart;

        public int NameLength;
    }
}
