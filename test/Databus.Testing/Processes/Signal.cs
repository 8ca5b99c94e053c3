using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Databus.Testing.Processes;

/// <summary>The signals .NET cannot send.</summary>
public static partial class Signal
{
    public const int Quit = 3;
    public const int Kill = 9;
    public const int Terminate = 15;
    public const int Continue = 18;
    public const int Stop = 19;

    private const int NoSuchProcess = 3;

    /// <summary>Sends it.</summary>
    /// <exception cref="Win32Exception">There is no such process, or it is somebody else's.</exception>
    public static void Send(int processId, int signal)
    {
        if (SendTo(processId, signal) != 0)
            throw new Win32Exception(Marshal.GetLastPInvokeError());
    }

    /// <summary>Sends it to a process that may be gone. False: it is.</summary>
    /// <exception cref="Win32Exception">It is somebody else's.</exception>
    public static bool TrySend(int processId, int signal)
    {
        if (SendTo(processId, signal) == 0)
            return true;
        return Marshal.GetLastPInvokeError() == NoSuchProcess
            ? false
            : throw new Win32Exception(Marshal.GetLastPInvokeError());
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SendTo(int processId, int signal);
}
