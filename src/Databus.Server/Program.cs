using Databus.Server.CommandLine;
using Databus.Server.Serving;

using var interruption = new Interruption();
return await DatabusCommand.RunAsync(args, Terminal.OfProcess(), DatabusServer.RunAsync, Stores.CommandsOf, interruption.Token);
