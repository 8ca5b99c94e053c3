using System.CommandLine;
using System.CommandLine.Invocation;
using System.Globalization;
using Databus.Outbox;
using Microsoft.Extensions.DependencyInjection;

namespace Databus.CommandLine;

/// <summary><c>outbox</c> and its commands.</summary>
internal static class OutboxCommand
{
    public const string Name = "outbox";

    private static readonly TimeSpan BetweenLooks = TimeSpan.FromSeconds(2);

    /// <summary>Reads the arguments, with <c>outbox</c> in front, runs the command and returns its exit code, one of <see cref="ExitCodes"/>.</summary>
    public static async Task<int> RunAsync(
        IServiceProvider services, IReadOnlyList<string> args, TextWriter output, TextWriter error, CancellationToken cancellationToken)
    {
        if (services.GetService<OutboxClient>() is not { } outbox)
        {
            await error.WriteLineAsync("This application has no outbox: AddOutbox adds one.");
            return ExitCodes.Failed;
        }

        var context = new CommandContext(outbox, services.GetRequiredService<OutboxTypes>(), services.GetRequiredService<TimeProvider>(), output, error);
        var parsed = Create(context).Parse([.. args.Skip(1)]);
        if (parsed.Errors.Count > 0 || parsed.Action is null or ParseErrorAction)
        {
            foreach (var mistake in parsed.Errors.DefaultIfEmpty())
                await error.WriteLineAsync(mistake?.Message ?? "A command is missing.");
            await error.WriteLineAsync("outbox --help says what there is.");
            return ExitCodes.WrongUsage;
        }

        try
        {
            return await parsed.InvokeAsync(
                new InvocationConfiguration { Output = output, Error = error, EnableDefaultExceptionHandler = false }, cancellationToken);
        }
        catch (OperationCanceledException)
        {
            return ExitCodes.Interrupted;
        }
        catch (Exception failure)
        {
            // Whatever it is, whoever calls it from a script sees one line and the exit code.
            await error.WriteLineAsync(failure.Message);
            return ExitCodes.Failed;
        }
    }

    private static Command Create(CommandContext context) => new(Name, "Sends and looks after what waits in the outbox.")
    {
        FlushCommand.Create(
            context, "flush", "Send what is pending, also what waits for its next attempt.",
            static (outbox, options, stop) => outbox.FlushAsync(options, stop)),
        FlushCommand.Create(
            context, "flush-many", "The same with several batches under way at once.",
            static (outbox, options, stop) => outbox.FlushManyAsync(options, stop), hasWorkers: true),
        FlushCommand.Create(
            context, "flush-ordered", "Send strictly in the order of recording, and stop at the first that cannot be sent.",
            static (outbox, options, stop) => outbox.FlushOrderedAsync(options, stop)),
        CreateTypes(context),
        CreatePending(context),
        CreateParked(context),
        CreateReplay(context),
        new System.CommandLine.Help.HelpOption(),
    };

    private static Command CreateTypes(CommandContext context)
    {
        var command = new Command("types", "List the types of message that this application knows.");
        command.SetAction(_ =>
        {
            List<string[]> rows = [["TYPE", "SENDER", "AUTO-FLUSH", "BATCH", "ATTEMPTS"]];
            rows.AddRange(context.Types.All.Select(type => new[]
            {
                type.Name, type.HasSender ? "yes" : "no", type.AutoFlush ? "yes" : "no", Text(type.BatchSize), Text(type.MaxAttempts),
            }));
            Printable.Table(context.Output, rows);
        });
        return command;
    }

    private static Command CreatePending(CommandContext context)
    {
        var types = new TypeFilter(context.Types);
        var watch = new Option<bool>("--watch") { Description = "Look again every 2 s, until interrupted." };
        var command = new Command("pending", "Count what waits, by type and in total.") { types.Names, types.Exclude, watch };
        command.SetAction(async (parsed, stop) =>
        {
            while (true)
            {
                var pending = (await context.Outbox.PendingAsync(stop)).Where(one => types.Takes(parsed, one.Type)).ToList();
                List<string[]> rows = [["TYPE", "PENDING", "OLDEST", "FAILING", "PARKED"]];
                rows.AddRange(pending.Select(one => new[] { Printable.Line(one.Type), Text(one.Count), Printable.Time(one.Oldest), Text(one.Failing), Text(one.Parked) }));
                rows.Add(["total", Text(pending.Sum(one => one.Count)), Printable.Time(pending.Min(one => one.Oldest)), Text(pending.Sum(one => one.Failing)), Text(pending.Sum(one => one.Parked))]);
                Printable.Table(context.Output, rows);
                if (!parsed.GetValue(watch))
                    return ExitCodes.Ok;
                await Task.Delay(BetweenLooks, context.Time, stop);
                await context.Output.WriteLineAsync();
            }
        });
        return command;
    }

    private static Command CreateParked(CommandContext context)
    {
        var types = new TypeFilter(context.Types);
        var limit = new Option<int>("--limit") { Description = "How many at most: 1 to 1000.", DefaultValueFactory = _ => 100 };
        limit.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is < 1 or > 1000)
                result.AddError("--limit is from 1 to 1000.");
        });
        var command = new Command("parked", "List what gave up, with the reason.") { types.Names, types.Exclude, limit };
        command.SetAction(async (parsed, stop) =>
        {
            var chosen = types.IsGiven(parsed) ? types.Choose(parsed) : null;
            List<string[]> rows = [["ID", "TYPE", "KEY", "ATTEMPTS", "PARKED", "REASON"]];
            foreach (var message in await context.Outbox.ListParkedAsync(chosen, limit: parsed.GetValue(limit), cancellationToken: stop))
            {
                rows.Add(
                [
                    Text(message.Id), Printable.Line(message.Type), Printable.Line(message.OrderKey ?? "-"), Text(message.Attempts),
                    Printable.Time(message.ParkedAt), Printable.Line(message.Reason),
                ]);
            }

            Printable.Table(context.Output, rows);
        });
        return command;
    }

    private static Command CreateReplay(CommandContext context)
    {
        const int AtOnce = 1000;
        var ids = new Argument<long[]>("ids") { Description = "Ids of parked messages.", Arity = ArgumentArity.ZeroOrMore };
        var all = new Option<bool>("--all") { Description = "All that are parked." };
        var command = new Command("replay", "Let parked messages wait again, with all their attempts.") { ids, all };
        command.Validators.Add(result =>
        {
            if (result.GetResult(ids) is { Tokens.Count: > 0 } == result.GetValue(all))
                result.AddError("Say what to replay: ids, or --all.");
        });
        command.SetAction(async (parsed, stop) =>
        {
            var wanted = parsed.GetValue(ids) ?? [];
            var replayed = wanted.Length == 0 ? 0 : await context.Outbox.ReplayAsync(wanted, stop);

            // What is parked again meanwhile has the same id: whoever walks on by ids meets each once.
            for (var after = 0L; parsed.GetValue(all);)
            {
                var page = await context.Outbox.ListParkedAsync(after: after, limit: AtOnce, cancellationToken: stop);
                if (page.Count == 0)
                    break;
                replayed += await context.Outbox.ReplayAsync([.. page.Select(message => message.Id)], stop);
                after = page[^1].Id;
            }

            await context.Output.WriteLineAsync($"{Text(replayed)} replayed");
            if (wanted.Length == 0 || replayed == wanted.Distinct().Count())
                return ExitCodes.Ok;
            await context.Error.WriteLineAsync("Some of these are not parked.");
            return ExitCodes.Failed;
        });
        return command;
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
