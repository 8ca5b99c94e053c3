using System.Collections.Concurrent;
using System.Data;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Databus.Destinations;
using Databus.Outbox;
using Databus.Testing;
using Databus.Transactions;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Databus.EntityFrameworkCore.Tests;

/// <summary>
/// What people know from buses that send an ORM's "signals" after its commits, behaviour by behaviour, end to end; and then what is
/// wrong with those, each shown to be gone.
/// </summary>
public sealed class SignalBusTests
{
    private static readonly FlushOptions Now = new() { Wait = TimeSpan.Zero };
    private static readonly SendOutcome Refused = new(SendResult.Failed, "Not today.");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    // Message types

    [Fact]
    public async Task A_message_type_is_a_class_with_a_sender_of_its_own()
    {
        await using var application = await Application.StartAsync();
        await application.RecordAsync(new OrderPlaced(1), new Reminder(2));
        await application.ArriveAsync(1, 2);
        Assert.Equal([("order-placed", 1), ("reminder", 2)], application.Outside.Arrivals.Select(arrival => (arrival.Type, arrival.Number)).Order());
    }

    [Fact]
    public async Task A_type_may_be_sent_in_batches_of_so_many_rows_at_most()
    {
        await using var application = await Application.StartAsync(reminders: options => (options.BatchSize, options.AutoFlush) = (10, false));
        await application.RecordAsync(Enumerable.Range(1, 35).Select(number => new Reminder(number)));
        Assert.Equal(35, await application.Outbox.FlushAsync(Now, Cancellation));
        Assert.Equal([10, 10, 10, 5], application.Outside.Batches);
    }

    [Fact]
    public async Task A_type_may_have_an_order()
    {
        await using var application = await Application.StartAsync(orders: options => options.OrderKey = order => order.Customer);
        for (var number = 1; number <= 20; number++)
            await application.RecordAsync(new OrderPlaced(number, "Ada"));
        await application.ArriveAsync([.. Enumerable.Range(1, 20)]);
        Assert.Equal(Enumerable.Range(1, 20), application.Outside.Numbers);
    }

    [Fact]
    public async Task A_type_may_be_without_auto_flush_beside_others_that_have_it()
    {
        await using var application = await Application.StartAsync(orders: options => options.AutoFlush = false);
        await application.RecordAsync(new OrderPlaced(1), new Reminder(2));
        await application.ArriveAsync(2);
        Assert.Equal(1, await application.Outbox.FlushAsync(Now, Cancellation));
        await application.ArriveAsync(1, 2);
    }

    // Auto-flush

    [Fact]
    public async Task After_the_commit_what_was_added_is_sent_and_its_row_is_deleted()
    {
        await using var application = await Application.StartAsync();
        await using var context = application.Context();
        await using var transaction = await context.Database.BeginTransactionAsync(Cancellation);
        context.Add(new Order { Name = "one" });
        context.Record(new OrderPlaced(1));
        await context.SaveChangesAsync(Cancellation);
        await application.RecordAsync(new OrderPlaced(2));
        await application.ArriveAsync(2);
        await transaction.CommitAsync(Cancellation);
        await application.ArriveAsync(1, 2);
        await application.EmptyAsync();
    }

    [Fact]
    public async Task Auto_flush_may_be_off_for_the_whole_application()
    {
        await using var application = await Application.StartAsync(options: options => options.Relay = false);
        await application.RecordAsync(new OrderPlaced(1), new Reminder(2));
        Assert.Equal(2, await application.Outbox.FlushAsync(cancellationToken: Cancellation));
        await application.ArriveAsync(1, 2);
    }

    [Fact]
    public async Task A_failing_send_does_not_fail_the_commit_and_its_row_stays_pending()
    {
        await using var application = await Application.StartAsync(orders: options => options.BackOff = static _ => TimeSpan.FromHours(1));
        application.Outside.Takes = static _ => throw new NotSupportedException("The bus is on fire.");
        await using (var context = application.Context())
        {
            context.Add(new Order { Name = "one" });
            context.Record(new OrderPlaced(1));
            await context.SaveChangesAsync(Cancellation);
        }

        Assert.True(await Deadline.WaitAsync(async () => await application.CountAsync("databus_outbox.message", "attempts = 1") == 1, Application.Soon, Cancellation));
        Assert.Equal("The bus is on fire.", await application.ValueAsync<string>("SELECT error FROM databus_outbox.message"));
        Assert.Equal(1, await application.CountAsync("\"Shop's own\".order"));
    }

    // Flush

    [Fact]
    public async Task Flush_sends_all_types_or_named_ones_or_all_but_named_ones_and_returns_how_many()
    {
        await using var application = await Application.StartAsync(options: options => options.Relay = false);
        await application.RecordAsync(new OrderPlaced(1), new OrderPlaced(2), new Reminder(3));
        Assert.Equal(1, await application.Outbox.FlushAsync(Now with { Types = ["reminder"] }, Cancellation));
        await application.ArriveAsync(3);
        Assert.Equal(0, await application.Outbox.FlushAsync(Now with { Except = ["order-placed"] }, Cancellation));
        Assert.Equal(2, await application.Outbox.FlushAsync(Now, Cancellation));
        await application.ArriveAsync(1, 2, 3);
        await application.EmptyAsync();
    }

    [Fact]
    public async Task Flush_waits_a_moment_first_and_does_not_race_what_auto_flush_is_sending()
    {
        await using var application = await Application.StartAsync();
        var entered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var goOn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        application.Outside.Takes = async _ =>
        {
            entered.TrySetResult();
            await goOn.Task.WaitAsync(Application.Soon, Cancellation);
            return SendOutcome.Sent;
        };
        await application.RecordAsync(new OrderPlaced(1));
        await entered.Task.WaitAsync(Application.Soon, Cancellation);
        var started = Stopwatch.GetTimestamp();
        Assert.Equal(0, await application.Outbox.FlushAsync(cancellationToken: Cancellation));
        Assert.True(Stopwatch.GetElapsedTime(started) > TimeSpan.FromMilliseconds(200));
        goOn.SetResult();
        await application.ArriveAsync(1);
        await application.EmptyAsync();
        Assert.Single(application.Outside.Tries);
    }

    [Fact]
    public async Task Flushmany_has_several_workers_at_once_and_skips_what_others_have_locked()
    {
        await using var application = await Application.StartAsync(
            orders: options => options.BatchSize = 1, options: options => options.Relay = false);
        var underWay = 0;
        var goOn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        application.Outside.Takes = async one =>
        {
            Interlocked.Increment(ref underWay);
            if (one.Number <= 3)
                await goOn.Task.WaitAsync(Application.Soon, Cancellation);
            return SendOutcome.Sent;
        };
        await application.RecordAsync(Enumerable.Range(1, 3).Select(number => new OrderPlaced(number)));
        var first = application.Outbox.FlushManyAsync(Now with { Workers = 3 }, Cancellation);
        Assert.True(await Deadline.WaitAsync(() => Volatile.Read(ref underWay) == 3, Application.Soon, Cancellation));

        await application.RecordAsync(new OrderPlaced(4), new OrderPlaced(5));
        Assert.Equal(2, await application.Outbox.FlushManyAsync(Now, Cancellation));
        Assert.False(first.IsCompleted);
        goOn.SetResult();
        Assert.Equal(3, await first);
        await application.ArriveAsync(1, 2, 3, 4, 5);
    }

    [Fact]
    public async Task Flushordered_sends_in_the_order_of_recording()
    {
        await using var application = await Application.StartAsync(
            orders: options => (options.AutoFlush, options.BatchSize) = (false, 8), reminders: options => options.AutoFlush = false);
        for (var number = 0; number < 30; number++)
            await application.RecordAsync(new OrderPlaced(30 - number), new Reminder(100 - number));
        Assert.Equal(60, await application.Outbox.FlushOrderedAsync(Now, Cancellation));
        var numbers = application.Outside.Arrivals.ToLookup(arrival => arrival.Type, arrival => arrival.Number);
        Assert.Equal(Enumerable.Range(1, 30).Reverse(), numbers["order-placed"]);
        Assert.Equal(Enumerable.Range(71, 30).Reverse(), numbers["reminder"]);
    }

    [Theory]
    [InlineData("flush")]
    [InlineData("flush-many")]
    [InlineData("flush-ordered")]
    public async Task An_error_in_an_explicit_flush_reaches_the_caller(string flush)
    {
        await using var application = await Application.StartAsync(options: options => options.Relay = false);
        var fire = new NotSupportedException("The bus is on fire.");
        application.Outside.Takes = one => one.Number == 2 ? throw fire : Task.FromResult(SendOutcome.Sent);
        await application.RecordAsync(new OrderPlaced(1), new OrderPlaced(2));
        var error = await Assert.ThrowsAsync<OutboxFlushException>(() => flush switch
        {
            "flush" => application.Outbox.FlushAsync(Now, Cancellation),
            "flush-many" => application.Outbox.FlushManyAsync(Now, Cancellation),
            _ => application.Outbox.FlushOrderedAsync(Now, Cancellation),
        });
        Assert.Same(fire, error.InnerException);
        Assert.Equal((1, 1), (error.Sent, error.Failed));
    }

    // Command line

    [Fact]
    public async Task The_command_line_flushes_lists_and_counts_and_a_failure_exits_non_zero()
    {
        await using var application = await Application.StartAsync(options: options => options.Relay = false);
        await application.RecordAsync(new OrderPlaced(1), new Reminder(2));
        Assert.Equal(0, await application.CommandAsync("types"));
        Assert.Equal(0, await application.CommandAsync("pending"));
        Assert.Equal(0, await application.CommandAsync("flush --wait 0 --exclude reminder"));
        await application.ArriveAsync(1);
        Assert.Equal(0, await application.CommandAsync("flush-many --wait 0 reminder"));
        await application.ArriveAsync(1, 2);

        application.Outside.Takes = static _ => Task.FromResult(Refused);
        await application.RecordAsync(new OrderPlaced(3));
        Assert.Equal(1, await application.CommandAsync("flush-ordered --wait 0"));
        Assert.NotEqual(0, await application.CommandAsync("flush --wait 0 no-such-type"));
        Assert.Equal(1, await application.CountAsync("databus_outbox.message", "attempts = 1"));
    }

    // Guarantees

    [Fact]
    public async Task What_may_have_arrived_is_sent_again_under_the_same_id()
    {
        await using var application = await Application.StartAsync(orders: options => options.BackOff = static _ => TimeSpan.FromMilliseconds(10));
        application.Outside.Takes = static one => one.Attempt == 1 ? throw new TimeoutException("The answer was lost.") : Task.FromResult(SendOutcome.Sent);
        await application.RecordAsync(new OrderPlaced(1));
        await application.ArriveAsync(1);
        Assert.Equal(2, application.Outside.Tries.Count);
        Assert.Single(application.Outside.Tries.Select(one => one.Id).Distinct());
    }

    [Fact]
    public async Task Without_a_key_there_is_no_order_and_a_slow_one_holds_up_none_after_it()
    {
        await using var application = await Application.StartAsync();
        application.Outside.Takes = async one =>
        {
            if (one.Number == 1)
                Assert.True(await Deadline.WaitAsync(() => application.Outside.Arrivals.Count == 9, Application.Soon, Cancellation));
            return SendOutcome.Sent;
        };
        await application.RecordAsync(Enumerable.Range(1, 10).Select(number => new OrderPlaced(number)));
        await application.ArriveAsync([.. Enumerable.Range(1, 10)]);
        Assert.Equal(1, application.Outside.Numbers.Last());
    }

    // Child rows

    [Fact]
    public async Task Child_rows_are_readable_when_the_message_is_sent_and_are_deleted_with_it()
    {
        await using var application = await Application.StartAsync();
        await application.RecordAsync(new Consignment { Address = "Main St 1", Lines = [new ConsignmentLine { Article = "bolt" }, new ConsignmentLine { Article = "nut" }] });

        // The number of a consignment is that of its lines.
        await application.ArriveAsync(2);
        await application.EmptyAsync();
        Assert.Equal(0, await application.CountAsync("\"Consignments\"") + await application.CountAsync("\"ConsignmentLine\""));
    }

    // Atomic procedures

    [Fact]
    public async Task An_atomic_function_is_one_transaction_which_those_within_it_join()
    {
        await using var application = await Application.StartAsync();
        await using var context = application.Context();
        await context.AtomicAsync(
            async stop =>
            {
                context.Record(new OrderPlaced(1));
                await context.AtomicAsync(_ => Task.FromResult(context.Record(new OrderPlaced(2))), cancellationToken: stop);
                await application.RecordAsync(new OrderPlaced(3));
                await application.ArriveAsync(3);
            },
            cancellationToken: Cancellation);
        await application.ArriveAsync(1, 2, 3);
    }

    [Fact]
    public async Task Serialisation_failures_run_an_atomic_function_again_and_each_message_is_sent_once()
    {
        await using var application = await Application.StartAsync();
        await using (var context = application.Context())
        {
            context.Add(new Order { Name = "counter" });
            await context.SaveChangesAsync(Cancellation);
        }

        var runs = 0;
        await Task.WhenAll(Enumerable.Range(1, 6).Select(async number =>
        {
            await using var context = application.Context();
            await context.AtomicAsync(
                async stop =>
                {
                    Interlocked.Increment(ref runs);
                    (await context.Orders.SingleAsync(stop)).Amount++;
                    context.Record(new OrderPlaced(number));
                    await context.SaveChangesAsync(stop);
                    if (number == 1 && Volatile.Read(ref runs) <= 6)
                        await context.Database.ExecuteSqlRawAsync("DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END $$", stop);
                },
                new AtomicOptions { MaxAttempts = 100, Isolation = IsolationLevel.Serializable }, Cancellation);
        }));
        Assert.True(runs > 6);
        Assert.Equal(6, await application.ValueAsync<int>("SELECT \"Amount\" FROM \"Shop's own\".order"));
        await application.ArriveAsync(1, 2, 3, 4, 5, 6);
    }

    [Fact]
    public async Task Who_gets_or_locks_an_instance_by_its_key_may_turn_integrity_errors_into_retries()
    {
        await using var application = await Application.StartAsync();
        await Task.WhenAll(Enumerable.Range(1, 6).Select(async number =>
        {
            await using var context = application.Context();
            await context.AtomicAsync(
                async stop =>
                {
                    var shelf = await context.LockAsync<Shelf>(["A", 1], stop) ?? context.Add(new Shelf { Row = "A", Place = 1 }).Entity;
                    shelf.Content += "x";
                    context.Record(new OrderPlaced(number));
                },
                new AtomicOptions { MaxAttempts = 100, RetriesIntegrityErrors = true }, Cancellation);
        }));
        Assert.Equal("xxxxxx", await application.ValueAsync<string>("SELECT \"Content\" FROM \"Shelf\""));
        await application.ArriveAsync(1, 2, 3, 4, 5, 6);
    }

    // Registration

    [Fact]
    public async Task Each_application_that_is_made_has_a_bus_of_its_own()
    {
        await using var one = await Application.StartAsync();
        await using var other = await Application.StartAsync();
        await one.RecordAsync(new OrderPlaced(1));
        await other.RecordAsync(new OrderPlaced(2));
        await one.ArriveAsync(1);
        await other.ArriveAsync(2);
    }

    [Fact]
    public void A_second_bus_on_the_same_application_is_an_error()
    {
        var services = new ServiceCollection().AddOutbox();
        var error = Assert.Throws<InvalidOperationException>(() => services.AddOutbox());
        Assert.Contains("already", error.Message, StringComparison.Ordinal);
    }

    // What is wrong there, and gone here

    [Fact]
    public async Task One_failing_message_does_not_bring_the_others_of_its_commit_back()
    {
        await using var application = await Application.StartAsync(
            orders: options => options.BackOff = static _ => TimeSpan.FromHours(1), reminders: options => options.BackOff = static _ => TimeSpan.FromHours(1));
        application.Outside.Takes = static one => Task.FromResult(one.Number is 3 or 13 ? Refused : SendOutcome.Sent);
        await application.RecordAsync([.. Enumerable.Range(1, 5).Select(number => new OrderPlaced(number)), .. Enumerable.Range(11, 5).Select(number => new Reminder(number))]);
        await application.ArriveAsync(1, 2, 4, 5, 11, 12, 14, 15);
        Assert.True(await Deadline.WaitAsync(
            async () => await application.CountAsync("databus_outbox.message") == 2 && await application.CountAsync("databus_outbox.message", "attempts = 1") == 2,
            Application.Soon, Cancellation));

        application.Outside.Takes = static _ => Task.FromResult(SendOutcome.Sent);
        Assert.Equal(2, await application.Outbox.FlushAsync(Now, Cancellation));
        await application.ArriveAsync(1, 2, 3, 4, 5, 11, 12, 13, 14, 15);
        Assert.Equal(12, application.Outside.Tries.Count);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_message_in_a_savepoint_is_not_sent_before_the_outer_commit_and_does_not_survive_its_rollback(bool commits)
    {
        await using var application = await Application.StartAsync();
        await using (var context = application.Context())
        {
            await using var transaction = await context.Database.BeginTransactionAsync(Cancellation);
            await transaction.CreateSavepointAsync("inner", Cancellation);
            context.Record(new OrderPlaced(1));
            await context.SaveChangesAsync(Cancellation);
            await transaction.ReleaseSavepointAsync("inner", Cancellation);

            // Whatever was told by the end of the savepoint, this comes after it.
            await application.RecordAsync(new OrderPlaced(2));
            await application.ArriveAsync(2);
            if (commits)
                await transaction.CommitAsync(Cancellation);
            else
                await transaction.RollbackAsync(Cancellation);
        }

        if (commits)
        {
            await application.ArriveAsync(1, 2);
            return;
        }

        await application.RecordAsync(new OrderPlaced(3));
        await application.ArriveAsync(2, 3);
        Assert.Equal(0, await application.Outbox.FlushAsync(cancellationToken: Cancellation));
    }

    [Fact]
    public async Task Rolling_a_savepoint_back_does_not_lose_the_auto_flush_of_the_outer_messages()
    {
        await using var application = await Application.StartAsync();
        await using var context = application.Context();
        await using var transaction = await context.Database.BeginTransactionAsync(Cancellation);
        context.Record(new OrderPlaced(1));
        await context.SaveChangesAsync(Cancellation);
        await transaction.CreateSavepointAsync("inner", Cancellation);
        context.Record(new OrderPlaced(2));
        await context.SaveChangesAsync(Cancellation);
        await transaction.RollbackToSavepointAsync("inner", Cancellation);
        context.Record(new OrderPlaced(3));
        await context.SaveChangesAsync(Cancellation);
        await transaction.CommitAsync(Cancellation);
        await application.ArriveAsync(1, 3);
        await application.EmptyAsync();
    }

    [Fact]
    public async Task No_send_happens_inside_an_open_transaction()
    {
        await using var application = await Application.StartAsync();
        var held = new ConcurrentBag<bool>();
        application.Outside.Takes = async _ =>
        {
            // What was open when the send began, and stays open until it ends, would stay for ever.
            var began = await application.ValueAsync<DateTime>("SELECT clock_timestamp()");
            var mine = $"datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid() AND xact_start <= '{began:O}'";
            held.Add(!await Deadline.WaitAsync(async () => await application.CountAsync("pg_stat_activity", mine) == 0, TimeSpan.FromSeconds(5), Cancellation));
            return SendOutcome.Sent;
        };
        await using (var context = application.Context())
        {
            await using var transaction = await context.Database.BeginTransactionAsync(Cancellation);
            context.Record(new OrderPlaced(1));
            context.Record(new Reminder(2));
            context.Record(new Consignment { Lines = [new ConsignmentLine(), new ConsignmentLine(), new ConsignmentLine()] });
            await context.SaveChangesAsync(Cancellation);
            await transaction.CommitAsync(Cancellation);
        }

        await application.ArriveAsync(1, 2, 3);
        await application.EmptyAsync();
        Assert.Equal([false, false, false], held);
    }

    [Theory]
    [InlineData("flush")]
    [InlineData("flush-many")]
    [InlineData("flush-ordered")]
    public async Task Nor_does_a_flush_send_inside_one(string flush)
    {
        await using var application = await Application.StartAsync(options: options => options.Relay = false);
        await application.RecordAsync(new OrderPlaced(1), new Reminder(2));
        application.Outside.Takes = async _ =>
        {
            const string Open = "datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid() AND xact_start IS NOT NULL";
            Assert.True(await Deadline.WaitAsync(async () => await application.CountAsync("pg_stat_activity", Open) == 0, TimeSpan.FromSeconds(5), Cancellation));
            return SendOutcome.Sent;
        };
        Assert.Equal(2, await (flush switch
        {
            "flush" => application.Outbox.FlushAsync(Now, Cancellation),
            "flush-many" => application.Outbox.FlushManyAsync(Now, Cancellation),
            _ => application.Outbox.FlushOrderedAsync(Now, Cancellation),
        }));
    }

    [Fact]
    public async Task Order_within_a_commit_is_kept_also_when_sends_fail()
    {
        await using var application = await Application.StartAsync(orders: options =>
        {
            options.OrderKey = order => order.Customer;
            options.BatchSize = 7;
            options.BackOff = static _ => TimeSpan.FromMilliseconds(5);
        });
        application.Outside.Takes = static one => Task.FromResult(one.Number % 10 == 0 && one.Attempt == 1 ? Refused : SendOutcome.Sent);

        // Many, and not as their numbers would sort them.
        var numbers = Enumerable.Range(0, 60).Select(number => number * 7 % 61).ToList();
        await application.RecordAsync(numbers.Select(number => new OrderPlaced(number, number % 2 == 0 ? "Ada" : "Bob")));
        await application.ArriveAsync(numbers);
        Assert.Equal(numbers.Where(number => number % 2 == 0), application.Outside.Numbers.Where(number => number % 2 == 0));
        Assert.Equal(numbers.Where(number => number % 2 == 1), application.Outside.Numbers.Where(number => number % 2 == 1));
    }

    [Fact]
    public async Task There_is_a_back_off()
    {
        var asked = new ConcurrentQueue<int>();
        await using var application = await Application.StartAsync(orders: options => options.BackOff = attempt =>
        {
            asked.Enqueue(attempt);
            return TimeSpan.FromMilliseconds(attempt < 3 ? 100 : 3_600_000);
        });
        application.Outside.Takes = static _ => Task.FromResult(Refused);
        var started = Stopwatch.GetTimestamp();
        await application.RecordAsync(new OrderPlaced(1));
        Assert.True(await Deadline.WaitAsync(async () => await application.CountAsync("databus_outbox.message", "attempts = 3") == 1, Application.Soon, Cancellation));
        Assert.True(Stopwatch.GetElapsedTime(started) > TimeSpan.FromMilliseconds(200));
        Assert.Equal([1, 2, 3], asked);
        Assert.InRange(await application.ValueAsync<double>("SELECT extract(epoch FROM due_at - clock_timestamp())::float8 FROM databus_outbox.message"), 3500, 3600);

        var usual = new OutboxMessageOptions<OrderPlaced>().BackOff;
        Assert.InRange(usual(1)!.Value.TotalSeconds, 0.8, 1.2);
        Assert.InRange(usual(4)!.Value.TotalSeconds, 6.4, 9.6);
        Assert.InRange(usual(1000)!.Value.TotalMinutes, 8, 12);
    }

    [Fact]
    public async Task There_are_dead_letters_with_reasons_which_are_replayed_or_skipped()
    {
        await using var application = await Application.StartAsync(orders: options => (options.MaxAttempts, options.BackOff) = (2, static _ => TimeSpan.FromMilliseconds(10)));
        application.Outside.Takes = static _ => Task.FromResult(Refused);
        await application.RecordAsync(new OrderPlaced(1), new OrderPlaced(2));
        Assert.True(await Deadline.WaitAsync(async () => await application.CountAsync("databus_outbox.parked") == 2, Application.Soon, Cancellation));
        var parked = await application.Outbox.ListParkedAsync(cancellationToken: Cancellation);
        Assert.All(parked, one => Assert.Equal((2, "Not today."), (one.Attempts, one.Reason)));

        application.Outside.Takes = static _ => Task.FromResult(SendOutcome.Sent);
        Assert.Equal(1, await application.Outbox.SkipAsync([parked[0].Id], Cancellation));
        Assert.Equal(1, await application.Outbox.ReplayAsync([parked[1].Id], Cancellation));
        await application.ArriveAsync(2);
        Assert.Equal(0, await application.CountAsync("databus_outbox.parked"));
    }

    [Fact]
    public async Task There_are_metrics_of_the_lag_by_type()
    {
        await using var application = await Application.StartAsync(orders: options => options.AutoFlush = false);
        var figures = new ConcurrentDictionary<(string Instrument, string Type), double>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listening) =>
            {
                if (instrument.Meter.Scope == application.Services.GetRequiredService<OutboxMeter>())
                    listening.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Keep(instrument, value, tags));
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Keep(instrument, value, tags));
        listener.Start();

        await application.RecordAsync(new OrderPlaced(1), new OrderPlaced(2));
        Assert.True(await ShowsAsync("databus.outbox.pending", count => count == 2));
        Assert.True(await ShowsAsync("databus.outbox.oldest", seconds => seconds > 0));
        Assert.Equal(2, await application.Outbox.FlushAsync(Now, Cancellation));
        Assert.True(await ShowsAsync("databus.outbox.sent", count => count == 2));

        Task<bool> ShowsAsync(string instrument, Func<double, bool> isRight) => Deadline.WaitAsync(
            () =>
            {
                listener.RecordObservableInstruments();
                return figures.TryGetValue((instrument, "order-placed"), out var value) && isRight(value);
            },
            Application.Soon, Cancellation);

        void Keep(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            var key = (instrument.Name, (string)tags[0].Value!);
            if (instrument is Counter<long>)
                figures.AddOrUpdate(key, value, (_, sum) => sum + value);
            else
                figures[key] = value;
        }
    }

    [Fact]
    public async Task An_ordered_flush_works_beside_auto_flush()
    {
        await using var application = await Application.StartAsync(orders: options => options.BackOff = static _ => TimeSpan.FromHours(1));
        var entered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var goOn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        application.Outside.Takes = async one =>
        {
            if (one is { Type: "order-placed", Number: <= 100, Attempt: 1 })
                return Refused;
            if (one.Number == 50)
            {
                entered.SetResult();
                await goOn.Task.WaitAsync(Application.Soon, Cancellation);
            }

            return SendOutcome.Sent;
        };
        await application.RecordAsync(Enumerable.Range(1, 100).Select(number => new OrderPlaced(number)));
        Assert.True(await Deadline.WaitAsync(async () => await application.CountAsync("databus_outbox.message", "attempts = 1") == 100, Application.Soon, Cancellation));

        // While it flushes in order, others go on recording. Nothing of the type passes it; other types are sent as ever.
        var flushing = application.Outbox.FlushOrderedAsync(Now with { Types = ["order-placed"] }, Cancellation);
        await entered.Task.WaitAsync(Application.Soon, Cancellation);
        for (var number = 101; number <= 200; number++)
            await application.RecordAsync(new OrderPlaced(number));
        await application.RecordAsync(new Reminder(201));
        await application.ArriveAsync([.. Enumerable.Range(1, 49), 201]);
        goOn.SetResult();
        Assert.InRange(await flushing, 100, 200);

        // Afterwards both go on.
        await application.RecordAsync(new OrderPlaced(202));
        await application.ArriveAsync([.. Enumerable.Range(1, 202)]);
        Assert.Equal(Enumerable.Range(1, 100), application.Outside.Numbers.Where(number => number <= 100));
        await application.EmptyAsync();
    }
}
