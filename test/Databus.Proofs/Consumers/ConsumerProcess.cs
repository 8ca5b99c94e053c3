using System.Diagnostics;
using System.Globalization;
using Databus.Proofs.Processes;
using Databus.Testing.Processes;

namespace Databus.Proofs.Consumers;

/// <summary>A consumer in a process of its own, which can be stopped in the middle of its work.</summary>
internal sealed class ConsumerProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly DeliveryLedger _ledger;
    private readonly Task _reading;

    private ConsumerProcess(Process process, DeliveryLedger ledger)
    {
        _process = process;
        _ledger = ledger;
        _reading = Task.Run(ReadAsync);
    }

    public static ConsumerProcess Start(ConsumeSettings settings, DeliveryLedger ledger)
    {
        var command = new ProcessStartInfo(BuiltProgram.Find("Databus.Proofs"))
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            ArgumentList =
            {
                "consume",
                "--address", settings.Address.ToString(),
                "--topic", settings.Topic,
                "--subscription", settings.Subscription,
                "--max", settings.Max.ToString(CultureInfo.InvariantCulture),
                "--lease", settings.LeaseSeconds.ToString(CultureInfo.InvariantCulture),
                "--work", settings.WorkMilliseconds.ToString(CultureInfo.InvariantCulture),
                "--hold", settings.Hold.ToString(),
                "--heal", settings.Heal.ToString(),
            },
            Environment = { ["DOTNET_ROOT"] = BuiltProgram.RuntimeRoot },
        };
        return new ConsumerProcess(
            Process.Start(command) ?? throw new InvalidOperationException("The consumer did not start."), ledger);
    }

    public void Freeze() => Signal.Send(_process.Id, Signal.Stop);

    public void Thaw() => Signal.Send(_process.Id, Signal.Continue);

    /// <summary>Lets one that holds what it took go on.</summary>
    public async Task GoOnAsync()
    {
        await _process.StandardInput.WriteLineAsync("go on");
        await _process.StandardInput.FlushAsync();
    }

    /// <summary>Lets it finish what it has, and waits for its last line.</summary>
    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        try
        {
            await _process.WaitForExitAsync(late.Token);
        }
        catch (OperationCanceledException)
        {
            _process.Kill();
            await _process.WaitForExitAsync(CancellationToken.None);
        }

        await _reading;
        _process.Dispose();
    }

    private async Task ReadAsync()
    {
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
        {
            if (line.Split(' ') is [var what, var id, var attempt])
            {
                _ledger.Told(
                    what, long.Parse(id, CultureInfo.InvariantCulture), int.Parse(attempt, CultureInfo.InvariantCulture));
            }
        }
    }
}
