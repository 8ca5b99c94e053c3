using System.CommandLine;

namespace Databus.Proofs;

/// <summary>One proof as a command: prints its seed, runs, prints what holds, and ends with 0 or 1.</summary>
internal sealed class ProofCommand : Command
{
    private readonly Option<int> _seed = new("--seed")
    {
        Description = "Repeats the choices of an earlier run.",
        DefaultValueFactory = _ => Random.Shared.Next(),
    };

    /// <summary>Adds <c>--seed</c> to the options.</summary>
    /// <param name="run">Its second argument is the seed.</param>
    public ProofCommand(
        string name, string description, Option[] options, Func<ParseResult, int, Findings, CancellationToken, Task> run)
        : base(name, description)
    {
        foreach (var option in options)
            Add(option);
        Add(_seed);
        SetAction(async (parsed, cancellationToken) =>
        {
            var seed = parsed.GetValue(_seed);
            var findings = new Findings(Console.Out);
            findings.Say($"{name}, seed {seed}");
            try
            {
                await run(parsed, seed, findings, cancellationToken);
            }
            catch (Exception error) when (error is not OperationCanceledException)
            {
                findings.Violated($"the proof broke off: {error}");
            }

            findings.Conclude();
            return findings.Hold ? 0 : 1;
        });
    }

    public static Option<int> Number(string name, int @default, string description) =>
        new(name) { Description = description, DefaultValueFactory = _ => @default };
}
