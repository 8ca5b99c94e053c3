using System.Text.Json.Serialization;
using Databus.AspNetCore;
using Databus.Hosting;
using Databus.Jobs;
using Databus.Schedules;
using Databus.Sqlite;

var builder = WebApplication.CreateBuilder(args);
builder.Services.AddDatabus().AddDatabusHttp().AddSqliteStore(new SqliteStoreOptions { DataDirectory = builder.Configuration["data"] ?? "./databus-data" });
builder.Services.AddJob<CountWords, WordCounts, CountWordsHandler>(
    "count-words", SampleJson.Default.CountWords, SampleJson.Default.WordCounts, job => job.TimeLimit = TimeSpan.FromMinutes(1));
builder.Services.AddSchedule("every-morning", new ScheduleRule(Every: null, Cron: "0 7 * * *", Zone: "Europe/Berlin"), new CountWords("Good morning, good people"));

var app = builder.Build();
app.UseDatabus();
app.MapPost("/count", async (CountWords job, JobClient jobs) => Results.Accepted($"/count/{(await jobs.EnqueueAsync(job)).Id}"));
app.MapGet("/count/{id:long}", async (long id, JobClient jobs) => await jobs.WaitAsync(id, TimeSpan.FromSeconds(5)) switch
{
    null => Results.NotFound(),
    { State: JobState.Succeeded } job => Results.Ok(jobs.ReadResult<WordCounts>(job)),
    { EndedAt: not null } job => Results.Problem(job.Error),
    var job => Results.Accepted($"/count/{id}", new Progress(job.Progress ?? 0)),
});
app.Run();

internal sealed record CountWords(string Text);

internal sealed record WordCounts(IReadOnlyDictionary<string, int> Words);

internal sealed record Progress(double Share);

internal sealed class CountWordsHandler : IJobHandler<CountWords, WordCounts>
{
    public Task<WordCounts> HandleAsync(CountWords job, JobContext context, CancellationToken cancellationToken)
    {
        var words = job.Text.Split([' ', ',', '.', '\n'], StringSplitOptions.RemoveEmptyEntries);
        return Task.FromResult(new WordCounts(words.CountBy(word => word.ToUpperInvariant(), StringComparer.Ordinal).ToDictionary(StringComparer.Ordinal)));
    }
}

[JsonSerializable(typeof(CountWords))]
[JsonSerializable(typeof(WordCounts))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
internal sealed partial class SampleJson : JsonSerializerContext;
