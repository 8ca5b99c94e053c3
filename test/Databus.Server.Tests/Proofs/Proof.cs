using Databus.Proofs;

namespace Databus.Server.Tests.Proofs;

/// <summary>Runs a proof inside a test: its lines become the test's output, its violations fail it.</summary>
internal static class Proof
{
    public static async Task RunAsync(Func<Findings, CancellationToken, Task> prove)
    {
        using var text = new StringWriter();
        var output = TextWriter.Synchronized(text);
        var findings = new Findings(output);
        try
        {
            await prove(findings, TestContext.Current.CancellationToken);
        }
        finally
        {
            findings.Conclude();
            TestContext.Current.TestOutputHelper?.WriteLine(text.ToString());
        }

        Assert.True(findings.Hold, text.ToString());
    }
}
