using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Databus.Proofs.Ledgers;

/// <summary>
/// What senders send, made from a number, so that it can be recognised in the log: an ad is the same for all senders,
/// whatever the order of its members; an order is the same by the key that is given with it, and differs in content.
/// </summary>
internal readonly record struct Thing(bool IsOrder, long Number)
{
    public const int MaxSenders = 64;

    private static readonly string[] Cities = ["Lisbon", "Łódź", "東京", "São Paulo", "<b>Oslo</b>"];

    public string? Key => IsOrder ? string.Create(CultureInfo.InvariantCulture, $"order-{Number}") : null;

    public byte[] Content(int sender) => Encoding.UTF8.GetBytes(IsOrder ? Order(Number, sender) : Ad(Number, sender));

    /// <summary>Reads an item of the log.</summary>
    /// <param name="sender">Who sent an order; -1 for an ad.</param>
    /// <returns>False: nobody sends such content.</returns>
    public static bool TryRecognise(JsonElement item, out Thing thing, out int sender)
    {
        thing = default;
        sender = -1;
        var content = item.GetProperty("content");
        if (content.ValueKind != JsonValueKind.Object)
            return false;
        if (content.TryGetProperty("ad", out var ad) && ad.TryGetInt64(out var number))
        {
            thing = new Thing(IsOrder: false, number);
        }
        else if (content.TryGetProperty("order", out var order) && order.TryGetInt64(out number)
            && content.TryGetProperty("sender", out var by) && by.TryGetInt32(out sender) && sender is >= 0 and < MaxSenders)
        {
            thing = new Thing(IsOrder: true, number);
            if (item.GetProperty("key").GetString() != thing.Key)
                return false;
        }
        else
        {
            return false;
        }

        return JsonElement.DeepEquals(content, JsonElement.Parse(thing.Content(Math.Max(sender, 0))));
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{(IsOrder ? "order" : "ad")} {Number}");

    private static string Ad(long number, int sender)
    {
        var city = Cities[number % Cities.Length];
        var price = 400 + (number * 37 % 5000);
        var title = $"\"title\":\"Flat {number} in {city}\"";
        return sender % 2 == 0
            ? $$"""{"ad":{{number}},{{title}},"price":{{price}},"rooms":[1,2.5,null],"link":"/ads/{{number}}"}"""
            : $$"""{ "link":"/ads/{{number}}", "price":{{price}}.0, "rooms":[1,25e-1,null], {{title}}, "ad":{{number}} }""";
    }

    private static string Order(long number, int sender) => string.Create(
        CultureInfo.InvariantCulture, $$"""{"order":{{number}},"sender":{{sender}},"note":"sent again with other content"}""");
}
