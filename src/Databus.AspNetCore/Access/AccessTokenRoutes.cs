using Databus.Access;
using Databus.AspNetCore.Problems;
using Databus.Storage;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;

namespace Databus.AspNetCore.Access;

/// <summary>Creates, lists and deletes bearer tokens.</summary>
internal sealed class AccessTokenRoutes(IStore store, TokenVerifier tokens, IOptions<DatabusHttpOptions> options)
{
    public async Task<IResult> ListAsync(CancellationToken cancellationToken)
    {
        var list = await store.ListTokensAsync(cancellationToken);
        return Results.Json(
            new AccessTokensAnswer(list.Select(token => new AccessTokenAnswer(token.Name, token.CreatedAt, token.LastUsedAt, Token: null))),
            WireContext.Default.AccessTokensAnswer);
    }

    public async Task<IResult> CreateAsync(HttpContext context)
    {
        var (body, problem) = await Body.ReadJsonAsync(context, WireContext.Default.AccessTokenBody, options.Value.MaxBodyBytes);
        if (body is null)
            return problem!;
        if (!ResourceName.IsValid(body.Name))
            return Names.Invalid("token", body.Name ?? "") with { Field = "name" };
        return await tokens.CreateAsync(body.Name!, context.RequestAborted) is var (token, secret)
            ? Results.Json(new AccessTokenAnswer(token.Name, token.CreatedAt, LastUsedAt: null, secret), WireContext.Default.AccessTokenAnswer, statusCode: 201)
            : new Problem(409, "name-taken", "Name taken", $"There is a token {body.Name} already.") { Field = "name" };
    }

    public async Task<IResult> DeleteAsync(string token, CancellationToken cancellationToken) =>
        await tokens.DeleteAsync(token, cancellationToken) ? Results.NoContent() : Problem.NotFound("token", token);
}
