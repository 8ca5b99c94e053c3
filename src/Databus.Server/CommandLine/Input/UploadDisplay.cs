using Spectre.Console;

namespace Databus.Server.CommandLine.Input;

/// <summary>
/// What a person sees while <c>add</c> works: a bar with the rate. Drawn on stderr, and only where that is a terminal;
/// elsewhere the notes are plain lines and there is no bar.
/// </summary>
internal sealed class UploadDisplay
{
    private readonly Terminal _terminal;
    private readonly long _startedAt;
    private ProgressTask? _bar;
    private string _name = "";
    private long _handledBefore;

    private UploadDisplay(Terminal terminal)
    {
        _terminal = terminal;
        _startedAt = terminal.Time.GetTimestamp();
    }

    public TimeSpan Elapsed => _terminal.Time.GetElapsedTime(_startedAt);

    public static async Task RunAsync(Terminal terminal, Func<UploadDisplay, Task> work)
    {
        var display = new UploadDisplay(terminal);
        if (!terminal.ErrorIsTerminal)
        {
            await work(display);
            return;
        }
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(terminal.Error) });
        await console.Progress()
            .AutoClear(true)
            .Columns(new SpinnerColumn(), new ProgressBarColumn(), new PercentageColumn(), new TaskDescriptionColumn())
            .StartAsync(async context =>
            {
                display._bar = context.AddTask("Connecting", maxValue: 1);
                await work(display);
            });
    }

    /// <summary>An input begins. Without a length nobody knows how far it is.</summary>
    public void Begin(string name, long? length)
    {
        _name = name;
        if (_bar is null)
            return;
        _bar.IsIndeterminate = length is null;
        _bar.MaxValue = Math.Max(length ?? 1, 1);
        _bar.Value = 0;
    }

    /// <summary>So much is safe.</summary>
    public void Advance(long offset, long handled)
    {
        if (_bar is null)
            return;
        _handledBefore = handled;
        _bar.Value = offset;
        Describe($"{Printable.Number(handled)} items, {Printable.Number(Rate(handled))}/s");
    }

    /// <summary>Says why nothing happens.</summary>
    public void Note(string sentence)
    {
        if (_bar is null)
            _terminal.Error.WriteLine(Printable.Line(sentence));
        else
            Describe($"{Printable.Number(_handledBefore)} items. {sentence}");
    }

    public double Rate(long handled) => handled / Math.Max(Elapsed.TotalSeconds, 0.001);

    private void Describe(string text) => _bar!.Description = Markup.Escape(Printable.Line($"{_name}: {text}"));
}
