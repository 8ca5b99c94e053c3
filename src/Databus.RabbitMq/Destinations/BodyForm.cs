namespace Databus.RabbitMq.Destinations;

/// <summary>What the body of a message is made of.</summary>
internal enum BodyForm
{
    /// <summary><c>{"content": <i>the object</i>}</c>, which programs that came from other buses read.</summary>
    Content,

    /// <summary>The object itself.</summary>
    Raw,

    /// <summary>A CloudEvent 1.0 in structured JSON, with the object as its data.</summary>
    CloudEvents,
}
