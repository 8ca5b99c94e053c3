using System.Text;
using Databus.AspNetCore.Problems;
using Databus.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Databus.AspNetCore.Topics;

/// <summary>
/// The key that a sender gives in the header <c>Idempotency-Key</c>: a quoted string of RFC 8941, as the draft of the
/// header asks for. Most clients send it bare, so that is taken too.
/// </summary>
internal static class GivenKey
{
    private const string Header = "Idempotency-Key";

    public static bool TryRead(HttpRequest request, out string? key, out Problem? problem)
    {
        key = null;
        problem = null;
        var header = request.Headers[Header];
        if (StringValues.IsNullOrEmpty(header))
            return true;
        key = Unquote(header.ToString());
        if (key is null || key.Length == 0 || header.Count > 1)
            problem = Problem.Invalid(Header, $"{Header} is one quoted string of visible ASCII characters.");
        else if (Encoding.UTF8.GetByteCount(key) > KeyPointers.MaxKeyBytes)
            problem = Problem.Invalid(Header, $"{Header} may have {KeyPointers.MaxKeyBytes} bytes at most.") with { Limit = KeyPointers.MaxKeyBytes };
        return problem is null;
    }

    /// <summary>Null: not a string as RFC 8941 defines it.</summary>
    private static string? Unquote(string text)
    {
        text = text.Trim();
        if (text.AsSpan().ContainsAnyExceptInRange(' ', '~'))
            return null;
        if (text.Length == 0 || text[0] != '"')
            return text;
        var value = new StringBuilder(text.Length);
        for (var i = 1; i < text.Length; i++)
        {
            switch (text[i])
            {
                case '"':
                    return i == text.Length - 1 ? value.ToString() : null;
                case '\\' when i + 1 < text.Length && text[i + 1] is '"' or '\\':
                    value.Append(text[++i]);
                    break;
                case '\\':
                    return null;
                default:
                    value.Append(text[i]);
                    break;
            }
        }

        return null;
    }
}
