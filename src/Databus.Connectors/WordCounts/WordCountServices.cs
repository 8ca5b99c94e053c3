using Databus.Jobs;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Databus.Connectors.WordCounts;

internal static class WordCountServices
{
    /// <summary>A page that is not there now may be there in a minute, and who waits for its words waits no hour.</summary>
    private const int MaxAttempts = 3;

    /// <summary>Fetching has a limit of its own. A page that takes longer to be read is made to do so, and would the next time too.</summary>
    private static readonly TimeSpan TimeLimit = TimeSpan.FromMinutes(2);

    /// <summary>Adds the job <c>word-count</c>, once.</summary>
    public static IServiceCollection AddWordCount(this IServiceCollection services)
    {
        if (services.Any(service => service.ServiceType == typeof(PageWordCounter)))
            return services;
        services.TryAddSingleton<PageWordCounter>();
        return services.AddJob<WordCount, WordCountResult, WordCountHandler>(
            WordCount.JobName, WordCountJson.Default.WordCount, WordCountJson.Default.WordCountResult,
            options =>
            {
                options.MaxAttempts = MaxAttempts;
                options.TimeLimit = TimeLimit;
                options.RetryPolicy = static (attempt, error) => error is TimeoutException ? null : JobRetries.Exponential(attempt, error);
            });
    }
}
