namespace Databus.Server.CommandLine.Input;

/// <summary>A place between two items of an input.</summary>
/// <param name="Offset">Bytes before it.</param>
/// <param name="Line">The number of the line it is on, from 1.</param>
/// <param name="InArray">Whether it is inside a JSON array whose elements are the items.</param>
internal readonly record struct InputPosition(long Offset, long Line, bool InArray)
{
    public static readonly InputPosition Start = new(0, 1, InArray: false);
}
