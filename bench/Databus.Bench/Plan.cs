using System.Globalization;

namespace Databus.Bench;

/// <summary>How much is measured.</summary>
/// <param name="Seconds">How long one measurement of a rate runs.</param>
/// <param name="Rounds">How often baseline and Databus take turns; the median counts.</param>
/// <param name="Only">sqlite, postgres, rabbitmq, jobs or outbox; null: all.</param>
internal sealed record Plan(int Seconds, int Rounds, string JsonFile, string? Only)
{
    public TimeSpan Time => TimeSpan.FromSeconds(Seconds);

    public bool Measures(string part) => Only is null || Only == part;

    /// <summary>Null: the words make no sense.</summary>
    public static Plan? Read(string[] args)
    {
        var plan = new Plan(Seconds: 5, Rounds: 3, JsonFile: "artifacts/bench.json", Only: null);
        for (var i = 0; i < args.Length; i += 2)
        {
            if (i + 1 == args.Length)
                return null;
            var value = args[i + 1];
            var isNumber = int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0;
            switch (args[i])
            {
                case "--seconds" when isNumber:
                    plan = plan with { Seconds = number };
                    break;
                case "--rounds" when isNumber:
                    plan = plan with { Rounds = number };
                    break;
                case "--only" when value is "sqlite" or "postgres" or "rabbitmq" or "jobs" or "outbox":
                    plan = plan with { Only = value };
                    break;
                case "--json":
                    plan = plan with { JsonFile = value };
                    break;
                default:
                    return null;
            }
        }

        return plan;
    }
}
