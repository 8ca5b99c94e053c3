using Databus.Nodes;

namespace Databus.Tests.Nodes;

public sealed class NodeRoleWordsTests
{
    [Theory]
    [InlineData("api", NodeRoles.Api)]
    [InlineData("worker, collector", NodeRoles.Worker | NodeRoles.Collector)]
    [InlineData("scheduler,api,api", NodeRoles.Scheduler | NodeRoles.Api)]
    [InlineData("api,worker,collector,scheduler", NodeRoles.All)]
    public void Words_are_read(string text, NodeRoles expected)
    {
        Assert.True(NodeRoleWords.TryRead(text, out var roles));
        Assert.Equal(expected, roles);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData(",")]
    [InlineData("api,")]
    [InlineData("all")]
    [InlineData("API")]
    [InlineData("api;worker")]
    public void Anything_else_is_refused(string? text) => Assert.False(NodeRoleWords.TryRead(text, out _));

    [Fact]
    public void They_are_written_as_they_are_read() => Assert.Equal("api,worker,collector,scheduler", NodeRoleWords.All);
}
