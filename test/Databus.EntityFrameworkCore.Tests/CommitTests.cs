namespace Databus.EntityFrameworkCore.Tests;

/// <summary>
/// P7: a message leaves if and only if its outermost transaction has committed, in every shape of transaction, and right after it: the
/// outbox of these tests polls once a minute.
/// </summary>
public sealed class CommitTests(Shop shop)
{
    public static TheoryData<string, Ending> Matrix
    {
        get
        {
            var matrix = new TheoryData<string, Ending>();
            foreach (var shape in Shapes.All.Keys)
            {
                foreach (var ending in Enum.GetValues<Ending>())
                    matrix.Add(shape, ending);
            }

            return matrix;
        }
    }

    [Theory]
    [MemberData(nameof(Matrix))]
    public async Task A_message_leaves_at_once_if_and_only_if_its_transaction_commits(string shape, Ending ending)
    {
        var pair = new Shapes.Pair(shop.NewNumber(), shop.NewNumber());
        await Shapes.All[shape](shop, ending, pair);
        await shop.ExpectAsync(
            sent: ending switch { Ending.Commit => [pair.First, pair.Second], Ending.InnerRollback => [pair.First], _ => [] },
            never: ending switch { Ending.Commit => [], Ending.InnerRollback => [pair.Second], _ => [pair.First, pair.Second] });
    }
}
