using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Databus.AspNetCore;

/// <summary>What the OpenAPI document says beyond what the routes say themselves.</summary>
internal static class ApiDocument
{
    /// <summary>Parameters that the routes take as text, so that their answer to a bad one can name it.</summary>
    private static readonly Dictionary<string, JsonSchemaType> Types = new(StringComparer.Ordinal)
    {
        ["limit"] = JsonSchemaType.Integer,
        ["lease"] = JsonSchemaType.Number,
        ["wait"] = JsonSchemaType.Number,
        ["count"] = JsonSchemaType.Integer,
        ["olderThanSeconds"] = JsonSchemaType.Number,
        ["delaySeconds"] = JsonSchemaType.Number,
        ["expiresSeconds"] = JsonSchemaType.Number,
        ["uniqueSeconds"] = JsonSchemaType.Number,
        ["keepSeconds"] = JsonSchemaType.Number,
        ["maxAttempts"] = JsonSchemaType.Integer,
        ["maxRunning"] = JsonSchemaType.Integer,
        ["maxStarts"] = JsonSchemaType.Integer,
        ["perSeconds"] = JsonSchemaType.Number,
        ["afterAnyEnd"] = JsonSchemaType.Boolean,
    };

    public static void Describe(OpenApiOptions document)
    {
        document.AddDocumentTransformer((description, _, _) =>
        {
            description.Info = new OpenApiInfo
            {
                Title = "Databus",
                Version = "v1",
                Description = "Takes each item exactly once and delivers it durably. Errors are problem details (RFC 9457), times are RFC 3339 in UTC, ids are strings.",
            };
            return Task.CompletedTask;
        });
        document.AddOperationTransformer((operation, context, _) =>
        {
            if (context.Description.ActionDescriptor.EndpointMetadata.OfType<ItemsBody>().FirstOrDefault() is { } body)
                operation.RequestBody = body.Describe();
            foreach (var parameter in operation.Parameters?.OfType<OpenApiParameter>() ?? [])
                parameter.Schema = Types.TryGetValue(parameter.Name ?? "", out var type) ? new OpenApiSchema { Type = type } : parameter.Schema;
            return Task.CompletedTask;
        });
    }

    /// <summary>A body of items, which no type of ours describes.</summary>
    public static RouteHandlerBuilder Takes(this RouteHandlerBuilder route, string description) => route.WithMetadata(new ItemsBody(description));

    public static RouteHandlerBuilder Gives<T>(this RouteHandlerBuilder route, params ReadOnlySpan<int> statuses)
    {
        foreach (var status in statuses)
            route.Produces<T>(status, "application/json");
        return route;
    }

    public static RouteHandlerBuilder Fails(this RouteHandlerBuilder route, params ReadOnlySpan<int> statuses)
    {
        foreach (var status in statuses)
            route.ProducesProblem(status);
        return route;
    }

    private sealed class ItemsBody(string description)
    {
        public OpenApiRequestBody Describe() => new()
        {
            Description = description,
            Required = true,
            Content = new Dictionary<string, OpenApiMediaType>(StringComparer.Ordinal)
            {
                ["application/json"] = new OpenApiMediaType
                {
                    Schema = new OpenApiSchema { Type = JsonSchemaType.Object },
                    Example = JsonNode.Parse("""{"title":"Two rooms with a view","price":790}"""),
                },
            },
        };
    }
}
