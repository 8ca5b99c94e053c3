using Microsoft.Extensions.Options;

namespace Databus.Connectors.Http;

internal sealed class GuardedHttpOptionsCheck : IValidateOptions<GuardedHttpOptions>
{
    public ValidateOptionsResult Validate(string? name, GuardedHttpOptions options) =>
        options.FindMistake() is { } mistake ? ValidateOptionsResult.Fail(mistake) : ValidateOptionsResult.Success;
}
