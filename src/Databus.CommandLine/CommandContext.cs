using Databus.Outbox;

namespace Databus.CommandLine;

/// <summary>What commands work on and where they write.</summary>
internal sealed record CommandContext(OutboxClient Outbox, OutboxTypes Types, TimeProvider Time, TextWriter Output, TextWriter Error);
