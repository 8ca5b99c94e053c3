namespace Databus.Connectors.Http;

/// <summary>
/// What a server gave to recognise a document by. Both values go back byte for byte, and only to the
/// address that gave them: another server must not learn them, and would misread them.
/// </summary>
internal sealed record Validators(Uri Address, string? ETag, string? LastModified);
