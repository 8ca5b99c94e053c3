using System.Diagnostics;
using System.Globalization;

namespace Databus.Testing.Processes;

/// <summary>
/// A program that ends with this process, also when this process is killed. It can be started again after it has ended.
/// </summary>
public sealed class ChildProcess(ChildCommand command) : IAsyncDisposable
{
    private const int LogLinesShown = 40;
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan EndLimit = TimeSpan.FromSeconds(30);

    private Process? _process;

    /// <summary>The id of the process, the last one when it has ended.</summary>
    public int Id => _process?.Id ?? throw new InvalidOperationException($"{command.Program} was never started.");

    public bool IsRunning => _process is { HasExited: false };

    private string Log => File.Exists(command.LogFile)
        ? string.Join(Environment.NewLine, File.ReadLines(command.LogFile).TakeLast(LogLinesShown))
        : "";

    /// <summary>Starts it; ends when it answers.</summary>
    /// <exception cref="InvalidOperationException">It ended or did not answer in a minute; it is running; it is not installed.</exception>
    public async Task StartAsync(Func<Task<bool>> answers)
    {
        await StartAsync();
        var inTime = await Deadline.WaitAsync(async () => !IsRunning || await answers(), StartLimit, CancellationToken.None);
        if (!inTime || !IsRunning)
            throw new InvalidOperationException($"{command.Program} did not become ready.{Environment.NewLine}{Log}");
    }

    /// <summary>Runs it to its end.</summary>
    /// <exception cref="InvalidOperationException">It failed, or is not installed.</exception>
    public async Task RunAsync()
    {
        var process = await StartAsync();
        await process.WaitForExitAsync();
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"{command.Program} failed.{Environment.NewLine}{Log}");
    }

    /// <summary>Sends a signal and waits for the end.</summary>
    /// <exception cref="TimeoutException">It did not end in half a minute.</exception>
    public async Task EndAsync(int signal)
    {
        if (_process is not { HasExited: false } process)
            return;
        Signal.TrySend(process.Id, signal);
        using var late = new CancellationTokenSource(EndLimit);
        try
        {
            await process.WaitForExitAsync(late.Token);
        }
        catch (OperationCanceledException error)
        {
            throw new TimeoutException($"{command.Program} did not end.{Environment.NewLine}{Log}", error);
        }
    }

    /// <summary>SIGKILL for it and its own children: they end where they stand.</summary>
    public async Task KillAsync()
    {
        // Stopped first, it can neither start another child nor clean up after one.
        Freeze();
        var children = Children();
        foreach (var child in children)
            Signal.TrySend(child, Signal.Kill);
        await EndAsync(Signal.Kill);
        // A child that still holds its memory or its port would be in the way of the next start.
        await Deadline.WaitAsync(() => Array.TrueForAll(children, HasEnded), EndLimit, CancellationToken.None);
    }

    /// <summary>
    /// SIGSTOP for it and its own children: connections stay open, the kernel takes new ones, and nothing is answered.
    /// </summary>
    public void Freeze()
    {
        if (!IsRunning || !Signal.TrySend(Id, Signal.Stop))
            return;
        foreach (var child in Children())
            Signal.TrySend(child, Signal.Stop);
    }

    /// <summary>SIGCONT for all that <see cref="Freeze"/> stopped.</summary>
    public void Thaw()
    {
        if (!IsRunning)
            return;
        foreach (var process in Children().Append(Id))
            Signal.TrySend(process, Signal.Continue);
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        _process?.Dispose();
        _process = null;
    }

    private async Task<Process> StartAsync()
    {
        if (IsRunning)
            throw new InvalidOperationException($"{command.Program} is still running.");
        _process?.Dispose();

        // The kernel kills the child when the thread that started it ends (PR_SET_PDEATHSIG). There is nothing to poll and
        // nothing that a SIGKILL or a crash of this process gets around. The setting outlives exec; setpriv makes it after
        // it has changed the user, which would undo it. The shell gives the child a log of its own: with this
        // process's output in its hands it would keep the test runner's pipes open.
        var start = new ProcessStartInfo(
            "/bin/sh",
            [
                "-c", "exec </dev/null >>\"$0\" 2>&1; exec \"$@\"", command.LogFile,
                .. command.NetworkNamespace is { } network ? [ExternalTool.Find("ip", "iproute2"), "netns", "exec", network] : Array.Empty<string>(),
                ExternalTool.Find("setpriv", "util-linux"), .. command.User?.Switches ?? [], "--pdeathsig", "KILL", "--",
                command.Program, .. command.Arguments,
            ])
        { UseShellExecute = false, WorkingDirectory = "/" };
        foreach (var (name, value) in command.Environment)
            start.Environment[name] = value;
        return _process = await LastingThread.RunAsync(() => Process.Start(start)!);
    }

    /// <summary>True also of a process that has given everything back and only waits for its exit code to be read.</summary>
    private static bool HasEnded(int processId)
    {
        try
        {
            var status = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{processId}/stat"));
            // The state follows the name, which is in brackets and may hold any character.
            return status[status.LastIndexOf(')') + 2] is 'Z' or 'X';
        }
        catch (IOException)
        {
            return true;
        }
    }

    private int[] Children()
    {
        if (!IsRunning)
            return [];
        try
        {
            return
            [
                .. Directory.EnumerateDirectories(string.Create(CultureInfo.InvariantCulture, $"/proc/{Id}/task"))
                    .SelectMany(thread => File.ReadAllText(Path.Combine(thread, "children"))
                        .Split(' ', StringSplitOptions.RemoveEmptyEntries))
                    .Select(child => int.Parse(child, CultureInfo.InvariantCulture)),
            ];
        }
        catch (IOException)
        {
            // It ended meanwhile, or a thread of it did.
            return [];
        }
    }
}
