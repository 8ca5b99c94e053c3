using System.CommandLine;
using System.Globalization;
using Databus.Outbox;

namespace Databus.CommandLine;

/// <summary><c>outbox flush</c>, <c>flush-many</c> and <c>flush-ordered</c></summary>
internal static class FlushCommand
{
    private const double LongestPause = 86_400;

    public static Command Create(
        CommandContext context, string name, string description, Func<OutboxClient, FlushOptions, CancellationToken, Task<int>> flush, bool hasWorkers = false)
    {
        var types = new TypeFilter(context.Types);
        var wait = Seconds("--wait", "Wait first, so as not to race what a commit just now sends by itself; 0.25 when not given.");
        var repeat = Seconds("--repeat", "Flush again and again with this pause, until interrupted.");
        var workers = new Option<int>("--workers") { Description = "How many batches are under way at once: 1 to 64.", DefaultValueFactory = _ => new FlushOptions().Workers };
        workers.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is < 1 or > 64)
                result.AddError("--workers is from 1 to 64.");
        });
        var command = new Command(name, description) { types.Names, types.Exclude, wait, repeat };
        if (hasWorkers)
            command.Add(workers);
        command.SetAction(async (parsed, stop) =>
        {
            var options = new FlushOptions
            {
                Types = parsed.GetValue(types.Names) is { Length: > 0 } named ? named : null,
                Except = parsed.GetValue(types.Exclude) ?? [],
            };
            if (parsed.GetValue(wait) is { } seconds)
                options = options with { Wait = TimeSpan.FromSeconds(seconds) };
            if (hasWorkers)
                options = options with { Workers = parsed.GetValue(workers) };
            if (parsed.GetValue(repeat) is { } pause)
                return await RepeatAsync(context, () => flush(context.Outbox, options, stop), TimeSpan.FromSeconds(pause), stop);
            return await FlushAsync(context, () => flush(context.Outbox, options, stop)) ? ExitCodes.Ok : ExitCodes.Failed;
        });
        return command;
    }

    /// <summary>A message that fails, or a database that is away, does not end it: it is said, and seen in the exit code.</summary>
    private static async Task<int> RepeatAsync(CommandContext context, Func<Task<int>> flush, TimeSpan pause, CancellationToken stop)
    {
        var hasFailed = false;
        try
        {
            while (true)
            {
                hasFailed |= !await FlushAsync(context, flush);
                await Task.Delay(pause, context.Time, stop);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return hasFailed ? ExitCodes.Failed : ExitCodes.Interrupted;
        }
    }

    private static async Task<bool> FlushAsync(CommandContext context, Func<Task<int>> flush)
    {
        try
        {
            var sent = await flush();
            await context.Output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{sent} sent"));
            return true;
        }
        catch (Exception error) when (error is not OperationCanceledException)
        {
            if (error is OutboxFlushException partly)
                await context.Output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{partly.Sent} sent"));
            await context.Error.WriteLineAsync(Printable.Line(error.Message));
            return false;
        }
    }

    private static Option<double?> Seconds(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "seconds",
        CustomParser = result =>
        {
            if (double.TryParse(result.Tokens[0].Value, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var seconds) && seconds <= LongestPause)
                return seconds;
            result.AddError($"{name} is a number of seconds from 0 to {LongestPause}.");
            return null;
        },
    };
}
