using System.Diagnostics.CodeAnalysis;
using System.Threading.Channels;
using Databus.Sources;

namespace Databus.Tests.Sources;

/// <summary>A kind of source that listens as it is told to.</summary>
internal sealed class ScriptedListener : IListeningSourceKind
{
    private readonly Channel<(SourceSettings Source, SourceInbox Inbox)> _started = Channel.CreateUnbounded<(SourceSettings, SourceInbox)>();
    private readonly Channel<string> _stopped = Channel.CreateUnbounded<string>();

    public string Name => "heard";

    /// <summary>The next call to listen fails with it.</summary>
    public Exception? Failure { get; set; }

    public ValueTask<(SourceSettings Source, SourceInbox Inbox)> NextStartAsync() => _started.Reader.ReadAsync(TestContext.Current.CancellationToken);

    public ValueTask<string> NextStopAsync() => _stopped.Reader.ReadAsync(TestContext.Current.CancellationToken);

    public bool Accepts(Uri address, [NotNullWhen(false)] out string? refusal)
    {
        refusal = null;
        return true;
    }

    public async Task ListenAsync(SourceSettings source, SourceInbox inbox, CancellationToken cancellationToken)
    {
        _started.Writer.TryWrite((source, inbox));
        try
        {
            if (Failure is { } failure)
            {
                Failure = null;
                throw failure;
            }

            await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
        }
        finally
        {
            _stopped.Writer.TryWrite($"{source.Topic} {source.Url}");
        }
    }
}
