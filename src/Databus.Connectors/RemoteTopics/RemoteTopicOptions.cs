using Databus.Storage;

namespace Databus.Connectors.RemoteTopics;

/// <summary>The topic on a Databus server that messages of one type are added to.</summary>
public sealed class RemoteTopicOptions
{
    /// <summary>The server, for example <c>http://127.0.0.1:5001</c>. Needed. It may be internal: whoever sets it is no stranger.</summary>
    public Uri? Server { get; set; }

    /// <summary>The topic; created with its first item. Needed.</summary>
    public string Topic { get; set; } = "";

    /// <summary>The bearer token, where the server asks for one.</summary>
    public string? Token { get; set; }

    /// <summary>What is wrong with these options, as a sentence that quotes no token, or null.</summary>
    internal string? FindMistake()
    {
        if (Server is not { IsAbsoluteUri: true } || (Server.Scheme != Uri.UriSchemeHttp && Server.Scheme != Uri.UriSchemeHttps) || Server.UserInfo.Length > 0)
            return "Server must be an http or https address without user and password.";
        if (!ResourceName.IsValid(Topic))
            return $"\"{Topic}\" is no valid name of a topic.";
        return Token is null || (Token.Length > 0 && Token.All(c => c is > ' ' and <= '~')) ? null : "Token must be visible ASCII characters.";
    }
}
