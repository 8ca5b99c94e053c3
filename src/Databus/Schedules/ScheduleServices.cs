using Microsoft.Extensions.DependencyInjection;

namespace Databus.Schedules;

public static class ScheduleServices
{
    /// <summary>
    /// Declares a schedule. A node with the scheduler's role puts it in place when it starts, where there is none of this name, or the
    /// declaration is another one than the last that was put in place. What people change of it otherwise stays as they want it; one that
    /// is paused stays paused.
    /// </summary>
    /// <exception cref="ArgumentException">Something in it is wrong (<see cref="ScheduleCheck"/>).</exception>
    public static IServiceCollection AddSchedule(this IServiceCollection services, ScheduleSettings settings)
    {
        if (ScheduleCheck.FindMistake(settings) is { } mistake)
            throw new ArgumentException($"The schedule \"{settings.Name}\": {mistake.Sentence}", nameof(settings));
        return services.AddSingleton(new DeclaredSchedule(_ => settings));
    }

    /// <summary>
    /// Declares a schedule of a job that <c>AddJob</c> adds, with the options of its kind; its unique key, if it has one, does not
    /// count here. That nothing in it is wrong is checked when the host starts.
    /// </summary>
    /// <param name="configure">Changes the settings from their defaults.</param>
    public static IServiceCollection AddSchedule<TJob>(
        this IServiceCollection services, string name, ScheduleRule rule, TJob job, Func<ScheduleSettings, ScheduleSettings>? configure = null)
        where TJob : notnull =>
        services.AddSingleton(new DeclaredSchedule(kinds =>
        {
            var settings = new ScheduleSettings(
                name, rule, kinds.Of(typeof(TJob)).Describe(job, json: null) with { UniqueKey = null, UniqueFor = null });
            return configure?.Invoke(settings) ?? settings;
        }));
}
