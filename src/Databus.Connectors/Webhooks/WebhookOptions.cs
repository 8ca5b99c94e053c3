namespace Databus.Connectors.Webhooks;

/// <summary>Where messages of one type go as webhooks, and what they are signed with.</summary>
public sealed class WebhookOptions
{
    /// <summary>An http or https address, without user and password. Needed.</summary>
    public Uri? Address { get; set; }

    /// <summary>
    /// <c>whsec_</c> and the base64 of 24 to 64 bytes. One at least; while secrets are changed, the old one and the new one: then each
    /// message carries a signature of each.
    /// </summary>
    public IList<string> Secrets { get; } = [];

    /// <summary>What is wrong with these options, as a sentence that quotes no secret, or null.</summary>
    internal string? FindMistake()
    {
        if (Address is not { IsAbsoluteUri: true } || (Address.Scheme != Uri.UriSchemeHttp && Address.Scheme != Uri.UriSchemeHttps) || Address.UserInfo.Length > 0)
            return "Address must be an http or https address without user and password.";
        if (Secrets.Count == 0)
            return "Secrets must hold one secret at least.";
        return Secrets.All(secret => WebhookSecret.TryRead(secret, out _)) ? null : "Each of Secrets must be whsec_ and the base64 of 24 to 64 bytes.";
    }
}
