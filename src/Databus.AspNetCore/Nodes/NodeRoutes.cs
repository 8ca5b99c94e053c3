using Databus.Nodes;
using Databus.Storage;
using Microsoft.AspNetCore.Http;

namespace Databus.AspNetCore.Nodes;

/// <summary>The processes that work on this store.</summary>
internal sealed class NodeRoutes(IStore store, NodeHeart heart)
{
    public async Task<IResult> ListAsync(CancellationToken cancellationToken)
    {
        var nodes = await store.ListNodesAsync(cancellationToken);
        return Results.Json(new NodesAnswer(nodes.Select(node => NodeAnswer.Of(node, heart.Id))), WireContext.Default.NodesAnswer);
    }
}
