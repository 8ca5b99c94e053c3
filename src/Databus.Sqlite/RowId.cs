namespace Databus.Sqlite;

/// <summary>An item's place in the items table: the topic's number above 40 bits of id, so 8 million topics of 10^12 items.</summary>
internal static class RowId
{
    private const int IdBits = 40;

    /// <summary>The largest id of an item.</summary>
    public const long MaxId = (1L << IdBits) - 1;

    /// <summary>Ids from outside may be any number; beyond the largest they mean the end.</summary>
    public static long Of(int topic, long id) => ((long)topic << IdBits) | Math.Clamp(id, 0, MaxId);

    public static long IdOf(long rowId) => rowId & MaxId;

    public static int TopicOf(long rowId) => (int)(rowId >> IdBits);
}
