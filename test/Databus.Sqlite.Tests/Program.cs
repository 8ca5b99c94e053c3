using Databus.Sqlite.Tests;
using Xunit.MicrosoftTestingPlatform;
using Xunit.Runner.InProc.SystemConsole;

// The tests; or one of the processes that OutboxKillTests kills: record DATABASE SHAPE, relay DATABASE.
return args switch
{
    ["record", var database, var shape] => await OutboxDoomed.RecordAsync(database, shape),
    ["relay", var database] => await OutboxDoomed.RelayAsync(database),
    _ when args.Any(arg => arg is "-automated" or "@@") => await ConsoleRunner.Run(args),
    _ => await TestPlatformTestFramework.RunAsync(args, SelfRegisteredExtensions.AddSelfRegisteredExtensions),
};
