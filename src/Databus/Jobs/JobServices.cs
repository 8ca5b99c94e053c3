using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization.Metadata;
using Databus.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Databus.Jobs;

public static class JobServices
{
    /// <summary>
    /// Adds a kind of job and its handler. Every node with the worker's role runs it, and every process that has it can
    /// enqueue it. That no name and no type stands for two jobs is checked when the host starts.
    /// </summary>
    /// <param name="name">Under which it is stored, for good; a valid resource name.</param>
    /// <exception cref="ArgumentException">A name or an option is out of range.</exception>
    public static IServiceCollection AddJob<TJob, TResult, [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] THandler>(
        this IServiceCollection services, string name, JsonTypeInfo<TJob> arguments, JsonTypeInfo<TResult> result, Action<JobOptions<TJob>>? configure = null)
        where TJob : notnull
        where THandler : class, IJobHandler<TJob, TResult>
    {
        services.TryAddScoped<THandler>();
        return services.AddKind(name, arguments, result, configure, static provider => provider.GetRequiredService<THandler>());
    }

    /// <summary>Adds a kind of job that other processes run, so that this one can enqueue it and read its results.</summary>
    /// <exception cref="ArgumentException">A name or an option is out of range.</exception>
    public static IServiceCollection AddJob<TJob, TResult>(
        this IServiceCollection services, string name, JsonTypeInfo<TJob> arguments, JsonTypeInfo<TResult> result, Action<JobOptions<TJob>>? configure = null)
        where TJob : notnull =>
        services.AddKind(name, arguments, result, configure, handler: null);

    /// <summary>Adds what stands around every start of a job; the first one added is the outermost.</summary>
    public static IServiceCollection AddJobMiddleware(this IServiceCollection services, JobMiddleware middleware) => services.AddSingleton(middleware);

    private static IServiceCollection AddKind<TJob, TResult>(
        this IServiceCollection services, string name, JsonTypeInfo<TJob> arguments, JsonTypeInfo<TResult> result, Action<JobOptions<TJob>>? configure,
        Func<IServiceProvider, IJobHandler<TJob, TResult>>? handler)
        where TJob : notnull
    {
        var options = new JobOptions<TJob>();
        configure?.Invoke(options);
        foreach (var given in options.Aliases.Prepend(name))
        {
            if (!ResourceName.IsValid(given))
                throw new ArgumentException($"\"{given}\" is no valid name of a job.", nameof(name));
        }

        if (options.TimeLimit <= TimeSpan.Zero && options.TimeLimit != Timeout.InfiniteTimeSpan)
            throw new ArgumentException($"The time limit of the job \"{name}\" is not above 0.", nameof(configure));

        // All but what comes from the arguments can be checked now.
        var example = new NewJob(name, [])
        {
            Queue = options.Queue,
            Priority = options.Priority,
            MaxAttempts = options.MaxAttempts,
            ExpiresAfter = options.ExpiresAfter,
            UniqueFor = options.UniqueFor,
            KeepFor = options.KeepFor,
        };
        if (NewJobRules.Problem(example) is { } problem)
            throw new ArgumentException($"The job \"{name}\" cannot be: {problem}", nameof(configure));
        return services.AddSingleton<JobKind>(new JobKind<TJob, TResult>(name, options, arguments, result, handler));
    }
}
