using Databus.Storage;

namespace Databus.Nodes;

/// <summary>
/// What one part of the process has to tell the operator now; empty: nothing. Asked with every heartbeat, so it answers
/// from memory. Every part that has something to tell registers one.
/// </summary>
public delegate IReadOnlyList<Warning> NodeTroubles();
