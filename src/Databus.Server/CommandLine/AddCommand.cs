using System.CommandLine;
using Databus.Server.CommandLine.Client;
using Databus.Server.CommandLine.Input;
using Databus.Server.CommandLine.Wire;

namespace Databus.Server.CommandLine;

/// <summary><c>databus add</c></summary>
internal sealed class AddCommand
{
    private const string Description = """
        Add the items of files, or of stdin, to a topic.

        NDJSON (.jsonl, .ndjson) has an item on each line, JSON (.json) an array of items or single objects, CSV (.csv,
        .tsv) a first line that names the columns. Where the name does not say it, a '[' at the beginning means JSON and
        anything else NDJSON. Memory stays small however long the input is.

        Running it again is harmless: what is there already counts as a duplicate. With --resume it is also quick: beside
        each FILE, FILE.databus-progress remembers how much is safely in the topic; it is removed at the end.

        CSV values are strings. With --types, numbers as JSON writes them in up to 15 digits, true, false, null and empty
        values get their types; 02139 stays a string.

        Examples:
          databus add apartments.jsonl --topic apartments
          databus add huge.json --topic ads --resume
          curl -s https://example.org/ads.ndjson | databus add --topic ads
          databus add prices.csv --types --topic prices --json
        """;

    private readonly CommandContext _context;

    private readonly Argument<string[]> _files = new("files")
    {
        Description = "Files to read; '-' or none at all means stdin.",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private readonly Option<string?> _topic = Name.Option("--topic", "The topic; 'default' when not given.");

    private readonly Option<InputFormat?> _format = new("--format")
    {
        Description = "How the input is written, where its name does not say it.",
        HelpName = "ndjson|json|csv",
    };

    private readonly Option<bool> _types = new("--types") { Description = "CSV: give values that look like it a type." };

    private readonly Option<char> _delimiter = new("--delimiter")
    {
        Description = "CSV: the character between values; a comma, in .tsv files a tab. '\\t' is a tab.",
        HelpName = "character",
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value == "\\t" ? "\t" : result.Tokens[0].Value;
            if (text.Length == 1 && char.IsAscii(text[0]) && text[0] is not ('"' or '\r' or '\n'))
                return text[0];
            result.AddError("--delimiter wants one ASCII character, other than a quote or a line break.");
            return default;
        },
    };

    private readonly Option<bool> _resume = new("--resume") { Description = "Go on where an interrupted run stopped." };

    private readonly Option<TimeSpan?> _retryFor = Duration.Option(
        "--retry-for", "How long to try again when the server stops answering; 60s when not given.");

    private AddCommand(CommandContext context) => _context = context;

    public static Command Create(CommandContext context)
    {
        var add = new AddCommand(context);
        return context.ServerCommand(
            "add",
            Description,
            [add._files, add._topic, add._format, add._types, add._delimiter, add._resume, add._retryFor],
            add.RunAsync);
    }

    private async Task<int> RunAsync(ParseResult parsed, ServerConnection server, CancellationToken stop)
    {
        List<Source> sources = Sources(parsed);
        string topic = parsed.GetValue(_topic) ?? "default";
        Upload? upload = null;
        double seconds = 0;
        CommandFailure? failure = null;
        bool interrupted = false;
        await UploadDisplay.RunAsync(_context.Terminal, async display =>
        {
            var patience = new Patience(
                _context.Terminal.Time, parsed.GetValue(_retryFor) ?? TimeSpan.FromSeconds(60), display.Note);
            upload = new Upload(server, topic, patience, _context.Terminal.Time);
            try
            {
                await SendAllAsync(parsed, sources, topic, upload, display, stop);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                interrupted = true;
            }
            catch (CommandFailure e)
            {
                failure = e;
            }
            catch (ServerUnreachable e)
            {
                failure = new CommandFailure(ExitCodes.Unreachable, e.Message, e);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                failure = new CommandFailure(ExitCodes.Failed, e.Message, e);
            }
            seconds = display.Elapsed.TotalSeconds;
        });

        Report(parsed, topic, upload!, seconds, complete: failure is null && !interrupted);
        if (failure is not null || interrupted)
            SayHowToGoOn(parsed, upload!, sources, interrupted);
        if (failure is not null)
            throw failure;
        if (interrupted)
            return ExitCodes.Interrupted;
        return upload!.Invalid > 0 ? ExitCodes.PartlyDone : ExitCodes.Ok;
    }

    private async Task SendAllAsync(
        ParseResult parsed,
        List<Source> sources,
        string topic,
        Upload upload,
        UploadDisplay display,
        CancellationToken stop)
    {
        var finished = new List<ProgressFile>();
        foreach (Source source in sources)
        {
            stop.ThrowIfCancellationRequested();
            if (source.File is null)
            {
                display.Begin("stdin", length: null);
                await upload.SendAsync(
                    "stdin",
                    _context.Terminal.In,
                    first => Splitter(source, first.Span, InputPosition.Start, columns: null),
                    isLive: true,
                    (position, _) => display.Advance(position.Offset, upload.Handled),
                    stop);
                continue;
            }
            ProgressFile? progress = parsed.GetValue(_resume)
                ? ProgressFile.For(source.File, _context.Url(parsed), topic, source.Reading)
                : null;
            if (progress is not null)
                finished.Add(progress);
            await SendFileAsync(source, progress, upload, display, stop);
        }
        // Only now: were the first file's progress gone while the second is under way, it would be sent again.
        finished.ForEach(progress => progress.Delete());
    }

    private static async Task SendFileAsync(
        Source source, ProgressFile? progress, Upload upload, UploadDisplay display, CancellationToken stop)
    {
        InputPosition start = progress?.Position ?? InputPosition.Start;
        await using FileStream stream = source.File!.Open(new FileStreamOptions
        {
            Mode = FileMode.Open,
            Access = FileAccess.Read,
            Share = FileShare.ReadWrite | FileShare.Delete,
            // The upload reads in large pieces itself.
            BufferSize = 0,
            Options = FileOptions.SequentialScan,
        });
        display.Begin(source.Name, stream.CanSeek ? stream.Length : null);
        if (progress is { Superseded: true })
            display.Note($"{source.Name} is not what was interrupted; it starts at the beginning.");
        if (start.Offset > 0)
        {
            stream.Position = start.Offset;
            display.Note($"{source.Name} goes on at line {start.Line}.");
        }
        await upload.SendAsync(
            source.Name,
            stream,
            first => Splitter(source, first.Span, start, progress?.Columns),
            isLive: !stream.CanSeek,
            (position, splitter) =>
            {
                progress?.Advance(position, splitter.Columns);
                display.Advance(position.Offset, upload.Handled);
            },
            stop);
    }

    private static ItemSplitter Splitter(
        Source source, ReadOnlySpan<byte> first, InputPosition start, IReadOnlyList<string>? columns) =>
        (source.Format ?? (start.InArray ? InputFormat.Json : Guess(first))) switch
        {
            InputFormat.Csv => new CsvSplitter(start, source.Delimiter, source.Typed, columns),
            InputFormat.Json => new JsonSplitter(start),
            _ => new LineSplitter(start),
        };

    private static InputFormat Guess(ReadOnlySpan<byte> first) =>
        first.TrimStart("\uFEFF \t\r\n"u8) is [(byte)'[', ..] ? InputFormat.Json : InputFormat.Ndjson;

    private List<Source> Sources(ParseResult parsed)
    {
        string[] names = parsed.GetValue(_files) is { Length: > 0 } given ? given : ["-"];
        if (names.Count(name => name == "-") > 1)
            throw new CommandFailure(ExitCodes.WrongUsage, "stdin can be read only once.");
        if (parsed.GetValue(_resume) && names.Contains("-"))
            throw new CommandFailure(ExitCodes.WrongUsage, "--resume needs files: stdin cannot be read again.");
        InputFormat? format = parsed.GetValue(_format);
        char delimiter = parsed.GetValue(_delimiter);
        bool typed = parsed.GetValue(_types);
        var sources = new List<Source>();
        foreach (string name in names)
        {
            FileInfo? file = name == "-" ? null : new FileInfo(name);
            if (file is { Exists: false })
            {
                throw new CommandFailure(
                    ExitCodes.Failed,
                    Directory.Exists(name) ? $"{name} is a folder, not a file." : $"There is no file {name}.");
            }
            string extension = Path.GetExtension(name).ToLowerInvariant();
            InputFormat? named = extension switch
            {
                ".jsonl" or ".ndjson" => InputFormat.Ndjson,
                ".json" => InputFormat.Json,
                ".csv" or ".tsv" => InputFormat.Csv,
                _ => null,
            };
            char between = delimiter != default ? delimiter : extension == ".tsv" ? '\t' : ',';
            sources.Add(new Source(name, file, format ?? named, between, typed));
        }
        return sources;
    }

    private void Report(ParseResult parsed, string topic, Upload upload, double seconds, bool complete)
    {
        foreach (InvalidLine error in upload.Errors)
            _context.Terminal.Error.WriteLine(Printable.Line($"{error.File}:{error.Line}: {error.Error}"));
        if (upload.Invalid > upload.Errors.Count)
            _context.Terminal.Error.WriteLine($"and {upload.Invalid - upload.Errors.Count} more invalid lines");
        _context.Print(
            parsed,
            new PrintedAdd(
                topic, upload.Added, upload.Duplicates, upload.Invalid, upload.Errors, Math.Round(seconds, 3), complete),
            WireJson.Plain.PrintedAdd,
            output =>
            {
                if (!complete && upload.Handled == 0)
                    return;
                double rate = upload.Handled / Math.Max(seconds, 0.001);
                output.WriteLine($"{upload.Added} added, {upload.Duplicates} duplicates, {upload.Invalid} invalid "
                    + $"({Printable.Number(rate)}/s)");
            });
    }

    private void SayHowToGoOn(ParseResult parsed, Upload upload, List<Source> sources, bool interrupted)
    {
        if (!interrupted && upload.Handled == 0)
            return;
        string stopped = interrupted ? "Interrupted. " : "";
        string how = parsed.GetValue(_resume)
            ? "The same command goes on where this one stopped."
            : sources.TrueForAll(source => source.File is not null)
                ? "Run it again, with --resume to be quick next time: what is in the topic already counts as duplicate."
                : "Run it again: what is in the topic already counts as duplicate.";
        _context.Terminal.Error.WriteLine(stopped + how);
    }

    /// <summary>One of the inputs; stdin has no file.</summary>
    private sealed record Source(string Name, FileInfo? File, InputFormat? Format, char Delimiter, bool Typed)
    {
        /// <summary>How the file is read; a place in it means nothing to another way of reading.</summary>
        public string Reading => Format == InputFormat.Csv ? $"csv {(int)Delimiter} {Typed}" : $"{Format?.ToString() ?? "guess"}";
    }
}
