using System.Text;
using System.Text.Json;
using Databus.Destinations;
using Databus.RabbitMq.Connections;
using Databus.RabbitMq.Destinations;
using Databus.Subscriptions;
using Databus.Topics;

namespace Databus.RabbitMq.Tests.Destinations;

/// <summary>Destinations as the dispatcher opens them.</summary>
internal static class Pushed
{
    public static readonly DateTimeOffset AddedAt = new(2026, 3, 1, 12, 0, 0, 123, TimeSpan.Zero);

    public static IDestination Open(Broker broker, string configuration)
    {
        var kind = new RabbitMqDestinationKind(broker);
        using var json = JsonDocument.Parse(configuration);
        Assert.True(kind.TryRead(json.RootElement, out var settings, out _));
        return kind.Open(new PushSubscription(new Topic(1, "ads", TopicSettings.Default), "push", settings));
    }

    public static IDestination ToQueue(Broker broker, string queue, string body = "raw") =>
        Open(broker, $$"""{"queue":"{{queue}}","body":"{{body}}"}""");

    public static Delivery Delivery(long id, string? content = null) =>
        new(id, Encoding.UTF8.GetBytes(content ?? $$"""{"n":{{id}}}"""), AddedAt, Attempt: 1, Token: null);

    public static Delivery[] Deliveries(int first, int count) => [.. Enumerable.Range(first, count).Select(id => Delivery(id))];
}
