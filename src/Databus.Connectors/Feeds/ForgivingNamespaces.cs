using System.Xml;

namespace Databus.Connectors.Feeds;

/// <summary>Gives prefixes that a feed forgot to declare the meaning that they usually have.</summary>
internal sealed class ForgivingNamespaces(XmlNameTable names) : XmlNamespaceManager(names)
{
    public override string? LookupNamespace(string prefix) =>
        base.LookupNamespace(prefix)
        ?? (prefix.Length == 0 ? null : NameTable!.Add(Vocabularies.NamespaceOfPrefix(prefix)));
}
