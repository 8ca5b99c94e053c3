using Databus.AspNetCore.Problems;
using Databus.Storage;

namespace Databus.AspNetCore;

/// <summary>The answer to a name that breaks the rule.</summary>
internal static class Names
{
    public static Problem Invalid(string field, string name) =>
        Problem.Invalid(field, $"The name of a {field} has 1 to {ResourceName.MaxLength} letters A to Z, digits, dots, underscores or hyphens, and begins with a letter or digit.") with
        {
            Limit = name.Length > ResourceName.MaxLength ? ResourceName.MaxLength : null,
        };
}
