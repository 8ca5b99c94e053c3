namespace Databus.Server.Tests.Proofs;

/// <summary>
/// The proofs run one after another and with nothing beside them: each brings its own server under load, and some
/// measure. These are the short forms; the program Databus.Proofs runs them at full size.
/// </summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class OneAtATime
{
    public const string Name = "Proofs";
}
