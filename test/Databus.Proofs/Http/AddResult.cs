namespace Databus.Proofs.Http;

/// <summary>What a sender knows after an add.</summary>
internal enum AddResult
{
    /// <summary>201.</summary>
    Added,

    /// <summary>409.</summary>
    Duplicate,

    /// <summary>Another status: nothing was promised.</summary>
    Refused,

    /// <summary>No connection: nothing was sent.</summary>
    NotSent,

    /// <summary>
    /// The connection ended or the time was over before the answer came, or the answer is that nobody knows: it may be
    /// there or not.
    /// </summary>
    Unknown,
}
