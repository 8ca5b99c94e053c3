using Databus.EntityFrameworkCore.Tests;
using Xunit.MicrosoftTestingPlatform;
using Xunit.Runner.InProc.SystemConsole;

// The tests; or one of the processes that KillTests kills: record DATABASE SHAPE FIRST SECOND, relay DATABASE.
return args switch
{
    ["record", var database, var shape, var first, var second] => await Doomed.RecordAsync(database, shape, first, second),
    ["relay", var database] => await Doomed.RelayAsync(database),
    _ when args.Any(arg => arg is "-automated" or "@@") => await ConsoleRunner.Run(args),
    _ => await TestPlatformTestFramework.RunAsync(args, SelfRegisteredExtensions.AddSelfRegisteredExtensions),
};
