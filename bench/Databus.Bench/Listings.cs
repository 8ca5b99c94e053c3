using System.Globalization;
using System.Text;

namespace Databus.Bench;

/// <summary>Items like real ads, about 260 bytes, each different from all others.</summary>
internal static class Listings
{
    private static long _number;

    public static byte[] Next()
    {
        var n = Interlocked.Increment(ref _number);
        return Encoding.UTF8.GetBytes(string.Create(
            CultureInfo.InvariantCulture,
            $$"""
            {"ad_id": {{5_000_000_000 + n}}, "city": "Coon Rapids", "state": "MN", "price": {{675 + (n % 1000)}}, "currency": "USD", "price_display": "${{675 + (n % 1000)}}", "price_type": "Monthly", "bedrooms": 1, "bathrooms": 1, "square_feet": {{250 + (n % 90)}}, "pets_allowed": "None", "has_photo": "Thumbnail", "fee": "No"}
            """));
    }

    public static byte[] Lines(int count)
    {
        using var lines = new MemoryStream(count * 280);
        for (var i = 0; i < count; i++)
        {
            lines.Write(Next());
            lines.WriteByte((byte)'\n');
        }

        return lines.ToArray();
    }
}
