using System.Diagnostics;
using System.Globalization;
using Databus.Proofs.Http;
using Databus.Testing;
using Databus.Testing.Processes;

namespace Databus.Proofs.Processes;

/// <summary>The real server, as a process of its own.</summary>
internal sealed class ServerProcess : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly ProcessLog _log;

    private ServerProcess(Process process, int port)
    {
        _process = process;
        Address = AddressOf(port);
        _log = new ProcessLog(process);
    }

    public Uri Address { get; }

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    /// <summary>Known once the process has ended.</summary>
    public int ExitCode => _process.ExitCode;

    /// <summary>From the start of the process to its first good answer.</summary>
    public TimeSpan StartTime { get; private set; }

    /// <summary>The first line of its log that speaks of a failure, shortened; null: there is none.</summary>
    public string? FirstFailure => _log.FirstFailure;

    /// <summary>The last lines it wrote.</summary>
    public string Log => _log.ToString();

    public TimeSpan ProcessorTime => Current().TotalProcessorTime;

    public long ResidentBytes => Current().WorkingSet64;

    /// <summary>The most since the start, or since <see cref="ForgetPeak"/>.</summary>
    public long PeakResidentBytes => Current().PeakWorkingSet64;

    /// <summary>Starts the server and ends when it answers that it is ready.</summary>
    /// <exception cref="InvalidOperationException">It ended, or did not become ready in a minute.</exception>
    public static Task<ServerProcess> StartAsync(string dataFolder, int port, CancellationToken cancellationToken) =>
        StartAsync(new ServerSettings(dataFolder, port), cancellationToken);

    /// <inheritdoc cref="StartAsync(string, int, CancellationToken)"/>
    public static async Task<ServerProcess> StartAsync(ServerSettings settings, CancellationToken cancellationToken)
    {
        var command = new ProcessStartInfo(BuiltProgram.Find("Databus.Server"))
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            ArgumentList =
            {
                "serve", "--urls", AddressOf(settings.Port).GetLeftPart(UriPartial.Authority),
                "--data", settings.DataFolder, "--environment", "Development",
            },
            Environment = { ["DOTNET_ROOT"] = BuiltProgram.RuntimeRoot },
        };
        if (settings.Name is { } name)
        {
            command.ArgumentList.Add("--name");
            command.ArgumentList.Add(name);
        }

        // A variable, as the address may hold a password.
        if (settings.Store is { } store)
            command.Environment["DATABUS_STORE"] = store;
        foreach (var (variable, value) in settings.Environment)
            command.Environment[variable] = value;
        var started = Stopwatch.GetTimestamp();
        var server = new ServerProcess(
            Process.Start(command) ?? throw new InvalidOperationException("The server did not start."), settings.Port);
        try
        {
            using var client = new BusClient(server.Address, TimeSpan.FromSeconds(5));
            var isReady = await Deadline.WaitAsync(
                async () => server.HasExited || await client.IsReadyAsync(cancellationToken), StartLimit, cancellationToken);
            if (!isReady || server.HasExited)
                throw new InvalidOperationException($"The server did not become ready.{Environment.NewLine}{server.Log}");
            server.StartTime = Stopwatch.GetElapsedTime(started);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>SIGKILL: the process ends where it stands.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
    }

    /// <summary>SIGSTOP: it stands still, and the kernel goes on for it.</summary>
    public void Freeze() => Signal.Send(Id, Signal.Stop);

    public void Thaw() => Signal.Send(Id, Signal.Continue);

    /// <summary>SIGTERM: the process ends when it is done.</summary>
    public async Task<int> StopAsync(CancellationToken cancellationToken)
    {
        Signal.Send(Id, Signal.Terminate);
        if (!await TryWaitForExitAsync(StopLimit, cancellationToken))
            throw new TimeoutException($"The server did not stop.{Environment.NewLine}{Log}");
        return ExitCode;
    }

    public async Task<bool> TryWaitForExitAsync(TimeSpan limit, CancellationToken cancellationToken)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        late.CancelAfter(limit);
        try
        {
            await _process.WaitForExitAsync(late.Token);
            return true;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return false;
        }
    }

    public void ForgetPeak() => File.WriteAllText(
        string.Create(CultureInfo.InvariantCulture, $"/proc/{Id}/clear_refs"), "5");

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            await KillAsync();
        _process.Dispose();
    }

    private static Uri AddressOf(int port) => new(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}/"));

    private Process Current()
    {
        _process.Refresh();
        return _process;
    }
}
