using StackExchange.Redis;

namespace Databus.Redis;

/// <summary>What went wrong, as plain sentences for the operator; the client's own go on for lines.</summary>
internal static class RedisTrouble
{
    public static string Of(Exception error) => error switch
    {
        // At the start the client says only within its sentence what it was.
        RedisConnectionException connection when connection.Message.Contains(nameof(ConnectionFailureType.AuthenticationFailure), StringComparison.Ordinal) =>
            Of(ConnectionFailureType.AuthenticationFailure),
        RedisConnectionException connection => Of(connection.FailureType),
        RedisServerException refused => $"It refuses: {refused.Message.TrimEnd('.')}.",
        TimeoutException => "It did not answer in time.",
        _ => $"The client failed: {error.GetType().Name}.",
    };

    public static string Of(ConnectionFailureType failure) => failure switch
    {
        ConnectionFailureType.AuthenticationFailure => "It refuses the password, or the certificate is not right.",
        ConnectionFailureType.UnableToConnect or ConnectionFailureType.UnableToResolvePhysicalConnection => "There is no connection.",
        ConnectionFailureType.SocketClosed or ConnectionFailureType.SocketFailure => "The connection broke.",
        _ => $"The connection failed: {failure}.",
    };
}
