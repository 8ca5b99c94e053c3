using System.Net;

namespace Databus.Connectors.Http;

/// <summary>Carries a refusal out of the connection callback, which has no other way to answer.</summary>
internal sealed class AddressRefusedException(IPAddress address)
    : IOException($"The address {address} is internal and not allowed.");
