using Microsoft.Extensions.Options;

namespace Databus.RabbitMq;

internal sealed class RabbitMqOptionsCheck : IValidateOptions<RabbitMqOptions>
{
    public ValidateOptionsResult Validate(string? name, RabbitMqOptions options) =>
        options.FindMistake() is { } mistake ? ValidateOptionsResult.Fail(mistake) : ValidateOptionsResult.Success;
}
