using System.CommandLine;
using Databus.Proofs;
using Databus.Proofs.Amqp;
using Databus.Proofs.BadInput;
using Databus.Proofs.Bounds;
using Databus.Proofs.Consumers;
using Databus.Proofs.Disk;
using Databus.Proofs.Jobs;
using Databus.Proofs.Kills;
using Databus.Proofs.Ledgers;
using Databus.Proofs.Nodes;
using Databus.Proofs.Outbox;
using Databus.Proofs.Readers;
using Databus.Proofs.Schedules;
using Databus.Proofs.Start;
using Databus.Proofs.Transactions;

return await new RootCommand("""
    Runs the real server, hurts it, and compares with a ledger kept outside.
    Every proof ends with 0 when it holds and 1 when not.
    """)
{
    KillLoopCommand(),
    ReadersCommand(),
    ConsumersCommand(),
    NodesCommand(),
    JobsCommand(),
    TicksCommand(),
    OutboxCommand(),
    BrokerAwayCommand(),
    OutboxSoakCommand(),
    OrdersCommand(),
    LongTransactionCommand(),
    AmqpCommand(),
    BoundedCommand(),
    FailingDiskCommand(),
    BadInputCommand(),
    StartCommand(),
    ConsumeCommand(),
}.Parse(args).InvokeAsync();

static ProofCommand KillLoopCommand()
{
    var kills = ProofCommand.Number("--kills", 100, "How often the server is killed.");
    var adds = ProofCommand.Number("--adds", 200_000, "How many adds must be acknowledged one by one.");
    var senders = ProofCommand.Number("--senders", 32, $"How many send at once, at most {Thing.MaxSenders}.");
    return new(
        "kill-loop",
        "P1, P2, P3: SIGKILL under load loses nothing and doubles nothing.",
        [kills, adds, senders],
        (parsed, seed, findings, stop) => new KillLoop(
            new(parsed.GetValue(kills), parsed.GetValue(adds), parsed.GetValue(senders), seed),
            findings).RunAsync(stop));
}

static ProofCommand ReadersCommand()
{
    var restarts = ProofCommand.Number("--restarts", 10, "How often the server is stopped and started again.");
    var adds = ProofCommand.Number("--adds", 50_000, "How many adds must be acknowledged one by one.");
    var senders = ProofCommand.Number("--senders", 16, "How many send at once.");
    return new(
        "readers",
        "P3: readers see every id once and in order, through restarts and reconnects.",
        [restarts, adds, senders],
        (parsed, seed, findings, stop) => new ReaderProof(
            new(parsed.GetValue(restarts), parsed.GetValue(adds), parsed.GetValue(senders), seed),
            findings).RunAsync(stop));
}

static ProofCommand ConsumersCommand()
{
    var items = ProofCommand.Number("--items", 5_000, "How many items a measured round has.");
    var rounds = ProofCommand.Number("--rounds", 5, "How many rounds with poison and how many without.");
    var kills = ProofCommand.Number("--kills", 10, "How often the server is killed while items are consumed.");
    return new(
        "consumers",
        "P4: leases fence, poison becomes dead letters, everything is acknowledged.",
        [items, rounds, kills],
        (parsed, seed, findings, stop) => new ConsumerProof(
            new(parsed.GetValue(items), parsed.GetValue(rounds), parsed.GetValue(kills), seed),
            findings).RunAsync(stop));
}

static ProofCommand NodesCommand()
{
    var rounds = ProofCommand.Number("--rounds", 35, "How many faults, every kind in turn.");
    var cut = ProofCommand.Number("--cut-seconds", 10, "How long the network is cut.");
    var longCut = ProofCommand.Number("--long-cut-seconds", 30, "How long it is cut every other time.");
    return new(
        "nodes",
        "P1 to P4 on three nodes over one PostgreSQL, through kills, freezes, restarts and cuts. Needs root.",
        [rounds, cut, longCut],
        (parsed, seed, findings, stop) => new NodesProof(
            new(parsed.GetValue(rounds), parsed.GetValue(cut), parsed.GetValue(longCut), seed), findings).RunAsync(stop));
}

static ProofCommand JobsCommand()
{
    var rounds = ProofCommand.Number("--rounds", 200, "How many nodes are hurt, one after the other.");
    return new(
        "jobs",
        "P5 on three nodes over one PostgreSQL, through SIGKILL, SIGSTOP beyond the lease, and SIGTERM.",
        [rounds],
        (parsed, seed, findings, stop) => new JobsProof(new(parsed.GetValue(rounds), seed), findings).RunAsync(stop));
}

static ProofCommand TicksCommand()
{
    var kills = ProofCommand.Number("--kills", 50, "How many nodes are killed around a tick.");
    return new(
        "ticks",
        "P6 on five nodes over one PostgreSQL: killed around ticks, every tick runs once.",
        [kills],
        (parsed, seed, findings, stop) => new TicksProof(new(parsed.GetValue(kills), seed), findings).RunAsync(stop));
}

static ProofCommand OutboxCommand()
{
    var messages = ProofCommand.Number("--messages", 100_000, "How many messages arrive at least.");
    var kills = ProofCommand.Number("--kills", 40, "How many processes are killed meanwhile.");
    var idle = ProofCommand.Number("--idle-seconds", 60, "For how long an unrelated transaction is open.");
    return new(
        "outbox",
        "P7 with eight writers and four relays over one PostgreSQL: what arrives is what was committed, in the order of each key.",
        [messages, kills, idle],
        (parsed, seed, findings, stop) => new OutboxProof(
            new(parsed.GetValue(messages), parsed.GetValue(kills), parsed.GetValue(idle), seed), findings).RunAsync(stop));
}

static ProofCommand BrokerAwayCommand()
{
    var seconds = ProofCommand.Number("--seconds", 600, "For how long the broker is away.");
    return new(
        "broker-away",
        "RabbitMQ is away while services record: no attempt is used up, no transaction is open, connections are free, and all arrives afterwards.",
        [seconds],
        (parsed, seed, findings, stop) => new BrokerAwayProof(new(parsed.GetValue(seconds), seed), findings).RunAsync(stop));
}

static ProofCommand OutboxSoakCommand()
{
    var seconds = ProofCommand.Number("--seconds", 600, "For how long it runs; in the second half a transaction is open elsewhere.");
    return new(
        "outbox-soak",
        "P7 with writers, relays, flushes and purges beside each other: no deadlock, nothing lost, and a long transaction elsewhere slows nothing down.",
        [seconds],
        (parsed, seed, findings, stop) => new OutboxSoakProof(new(parsed.GetValue(seconds), seed), findings).RunAsync(stop));
}

static ProofCommand OrdersCommand()
{
    var orders = ProofCommand.Number("--orders", 2000, "How many orders are acknowledged.");
    var kills = ProofCommand.Number("--kills", 20, "How often one of the two services is killed meanwhile.");
    return new(
        "orders",
        "P7 and P8 with the sample's two services: each order appears in the other exactly once, and back, through kills of both.",
        [orders, kills],
        (parsed, seed, findings, stop) => new OrdersProof(new(parsed.GetValue(orders), parsed.GetValue(kills), seed), findings).RunAsync(stop));
}

static ProofCommand LongTransactionCommand()
{
    var seconds = ProofCommand.Number("--seconds", 600, "For how long the transaction is open.");
    var window = ProofCommand.Number("--window-seconds", 30, "How long each measurement takes.");
    var control = new Option<bool>("--control") { Description = "Nobody opens it: what changes then is not its doing." };
    return new(
        "long-transaction",
        "A transaction left open on PostgreSQL slows nothing down, and is named.",
        [seconds, window, control],
        (parsed, seed, findings, stop) => new LongTransactionProof(
            new(parsed.GetValue(seconds), parsed.GetValue(window), parsed.GetValue(control), seed), findings).RunAsync(stop));
}

static ProofCommand AmqpCommand()
{
    var items = ProofCommand.Number("--items", 50_000, "How many ads are added.");
    var kills = ProofCommand.Number("--kills", 4, "How often the broker is killed and started again meanwhile.");
    return new(
        "amqp",
        "What is added arrives at a program in Python behind RabbitMQ; what nobody takes is a dead letter.",
        [items, kills],
        (parsed, seed, findings, stop) => new AmqpProof(new(parsed.GetValue(items), parsed.GetValue(kills), seed), findings).RunAsync(stop));
}

static ProofCommand BoundedCommand()
{
    var items = ProofCommand.Number("--items", 1_000_000, "How many items wait.");
    var bytes = new Option<long>("--bytes") { Description = "How long the long stream is.", DefaultValueFactory = _ => 2_000_000_000 };
    var polls = ProofCommand.Number("--polls", 1_000, "How many long polls are idle.");
    var views = ProofCommand.Number("--views", 200, "How many readers of events are idle.");
    var seconds = ProofCommand.Number("--idle-seconds", 20, "For how long the idle time is measured, under a minute.");
    return new(
        "bounded",
        "P9: what waits, is slow, is long or is idle costs bounded memory and time.",
        [items, bytes, polls, views, seconds],
        (parsed, _, findings, stop) => new BoundProof(
            new(
                parsed.GetValue(items),
                parsed.GetValue(bytes),
                parsed.GetValue(polls),
                parsed.GetValue(views),
                parsed.GetValue(seconds)),
            findings).RunAsync(stop));
}

static ProofCommand FailingDiskCommand()
{
    var senders = ProofCommand.Number("--senders", 16, "How many add while the disk fails.");
    return new(
        "failing-disk",
        "P10: a failed fsync ends the process, a full disk does not. Needs strace and the right to mount.",
        [senders],
        async (parsed, _, findings, stop) =>
        {
            await new FailingDiskProof(parsed.GetValue(senders), findings).RunAsync(stop);
            await new FullDiskProof(findings).RunAsync(stop);
        });
}

static ProofCommand BadInputCommand()
{
    var requests = ProofCommand.Number("--requests", 100_000, "How many requests are generated.");
    return new(
        "bad-input",
        "Whatever comes in never breaks the server.",
        [requests],
        (parsed, seed, findings, stop) => new BadInputProof(parsed.GetValue(requests), seed, findings).RunAsync(stop));
}

static ProofCommand StartCommand()
{
    var runs = ProofCommand.Number("--runs", 7, "How often the server is started.");
    return new(
        "start",
        "The start takes under 2 s, and idle the server needs under 120 MB.",
        [runs],
        (parsed, _, findings, stop) => new StartProof(parsed.GetValue(runs), findings).RunAsync(stop));
}

static Command ConsumeCommand()
{
    var address = new Option<Uri>("--address") { CustomParser = result => new Uri(result.Tokens[0].Value), Required = true };
    var topic = new Option<string>("--topic") { Required = true };
    var subscription = new Option<string>("--subscription") { Required = true };
    var max = ProofCommand.Number("--max", 1, "");
    var lease = ProofCommand.Number("--lease", 30, "");
    var work = ProofCommand.Number("--work", 0, "");
    var hold = new Option<bool>("--hold");
    var heal = new Option<bool>("--heal");
    var command = new Command("consume", "One consumer, which the proof of consumers starts as a process of its own.")
    {
        address, topic, subscription, max, lease, work, hold, heal,
    };
    command.Hidden = true;
    command.SetAction((parsed, stop) => new Consume(
        new(
            parsed.GetValue(address)!, parsed.GetValue(topic)!, parsed.GetValue(subscription)!, parsed.GetValue(max),
            parsed.GetValue(lease), parsed.GetValue(work), parsed.GetValue(hold), parsed.GetValue(heal)),
        Console.In, Console.Out).RunAsync(stop));
    return command;
}
