namespace Databus.Schedules;

/// <summary>A stretch of time in which a zone's clock runs without being put forward or back.</summary>
/// <param name="Start">UTC; where nothing changed lately, some time before what was asked for.</param>
/// <param name="OffsetBefore">That of the stretch before this one, if it ended lately; otherwise the same.</param>
/// <remarks>
/// Found by asking for offsets only. A zone's own list of rules tells summer time apart from a change of the standard time, and
/// describes the two differently; its clock does not.
/// </remarks>
internal readonly record struct ZoneStretch(DateTime Start, TimeSpan Offset, TimeSpan OffsetBefore)
{
    /// <summary>No clock was ever changed twice within this time.</summary>
    private static readonly TimeSpan Step = TimeSpan.FromDays(1);

    /// <summary>Longer than any gap: Samoa once left out a whole day.</summary>
    private static readonly TimeSpan Lately = TimeSpan.FromDays(2);

    public static ZoneStretch At(TimeZoneInfo zone, DateTime time)
    {
        var offset = zone.GetUtcOffset(time);
        for (var later = time; later > time - Lately; later -= Step)
        {
            if (zone.GetUtcOffset(later - Step) != offset)
                return Between(zone, later - Step, later);
        }

        return new ZoneStretch(time - Lately, offset, offset);
    }

    /// <summary>The stretch that begins first after a time of this one, until another time; null: none does.</summary>
    public ZoneStretch? Next(TimeZoneInfo zone, DateTime after, DateTime until)
    {
        for (var from = after; from < until; from += Step)
        {
            var to = until - from < Step ? until : from + Step;
            if (zone.GetUtcOffset(to) != Offset)
                return Between(zone, from, to);
        }

        return null;
    }

    /// <summary>The one that begins between two times of different offsets, to the second.</summary>
    private static ZoneStretch Between(TimeZoneInfo zone, DateTime from, DateTime to)
    {
        var before = zone.GetUtcOffset(from);
        var (low, high) = (from.Ticks / TimeSpan.TicksPerSecond, to.Ticks / TimeSpan.TicksPerSecond);
        while (high - low > 1)
        {
            var middle = (low + high) / 2;
            if (zone.GetUtcOffset(AtSecond(middle)) == before)
                low = middle;
            else
                high = middle;
        }

        return new ZoneStretch(AtSecond(high), zone.GetUtcOffset(AtSecond(high)), before);
    }

    private static DateTime AtSecond(long second) => new(second * TimeSpan.TicksPerSecond, DateTimeKind.Utc);
}
