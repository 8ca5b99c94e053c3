using System.Text;

namespace Databus.AspNetCore.Tests.Topics;

public sealed class ArrayTests(DatabusApp app) : IClassFixture<DatabusApp>
{
    [Fact]
    public async Task One_object_is_answered_as_by_the_short_route()
    {
        var first = await app.PostAsync("/api/v1/topics/one/items", """ {"a":1}""");
        var second = await app.PostAsync("/api/v1/topics/one/items", """{"a":1.0}""");

        Assert.Equal((201, "Data added successfully", "one"), (first.Status, first["message"], first["topic"]));
        Assert.Equal(first["id"], second.MustBeProblem(409, "duplicate")["id"]);
    }

    [Fact]
    public async Task An_array_is_added_in_its_order()
    {
        var answer = await app.PostAsync("/api/v1/topics/many/items", " \n[{\"n\":1}, {\"n\":2},\n{\"n\":1}]\n");

        Assert.Equal(200, answer.Status);
        Assert.Equal("""{"added":2,"duplicates":1,"invalid":0,"errors":[]}""", answer.Text);
        var items = (await app.GetAsync("/api/v1/topics/many/items")).List("items");
        Assert.Equal([1, 2], items.Select(item => item.GetProperty("content").GetProperty("n").GetInt32()));
    }

    [Fact]
    public async Task An_empty_array_adds_nothing()
    {
        Assert.Equal("""{"added":0,"duplicates":0,"invalid":0,"errors":[]}""", (await app.PostAsync("/api/v1/topics/none/items", "[]")).Text);
    }

    [Theory]
    [InlineData("[{\"n\":1},")]
    [InlineData("[{\"n\":1}")]
    [InlineData("[{\"n\":1},]")]
    [InlineData("[{\"n\":1} {\"n\":2}]")]
    [InlineData("[{\"n\":1}]]")]
    [InlineData("[{\"n\":1}] x")]
    [InlineData("[{\"n\":1},{\"n\":]")]
    public async Task A_malformed_array_changes_nothing(string body)
    {
        var answer = await app.PostAsync("/api/v1/topics/malformed/items", body);

        answer.MustBeProblem(400, "content", "body");
        Assert.Equal("Invalid JSON format", answer.Error);
        (await app.GetAsync("/api/v1/topics/malformed")).MustBeProblem(404, "not-found");
    }

    [Fact]
    public async Task Elements_that_cannot_be_items_are_told_while_the_others_are_added()
    {
        var tooDeep = string.Concat(Enumerable.Repeat("{\"a\":", 65)) + "1" + new string('}', 65);
        var answer = await app.PostAsync(
            "/api/v1/topics/mixed/items", $$"""[1,{"n":1},null,"s",[],{},{"a":1,"a":1},{{tooDeep}},{"n":2}]""");

        Assert.Equal((200, 2, 7), (answer.Status, answer.Number("added"), answer.Number("invalid")));
        Assert.Equal([1, 3, 4, 5, 6, 7, 8], answer.List("errors").Select(error => error.GetProperty("line").GetInt32()));
        Assert.Equal("JSON nested too deep", answer.List("errors")[^1].GetProperty("error").GetString());
    }

    [Fact]
    public async Task An_element_larger_than_an_item_may_be_is_told()
    {
        var large = "{\"a\":\"" + new string('x', 1 << 20) + "\"}";

        var answer = await app.PostAsync("/api/v1/topics/large/items", $"[{large},{{\"n\":1}}]");

        Assert.Equal((200, 1, 1), (answer.Status, answer.Number("added"), answer.Number("invalid")));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_array_larger_than_a_body_may_be_is_refused_with_the_limit(bool hasLength)
    {
        const int Limit = 16 << 20;
        var body = Encoding.UTF8.GetBytes("[" + new string(' ', Limit) + "]");
        using HttpContent content = hasLength ? new ByteArrayContent(body) : new UnknownLength(body);

        var answer = await app.SendAsync(HttpMethod.Post, "/api/v1/topics/large/items", DatabusApp.Typed(content, "application/json"));

        answer.MustBeProblem(413, "too-large", "body", Limit);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task White_space_before_the_first_character_may_come_in_pieces(int pieces)
    {
        var body = new byte[5000 + pieces];
        Array.Fill(body, (byte)' ');
        using var content = new UnknownLength([.. body, .. "[{\"n\":1}]"u8], pieceBytes: 100);

        var answer = await app.SendAsync(HttpMethod.Post, $"/api/v1/topics/white{pieces}/items", DatabusApp.Typed(content, "application/json"));

        Assert.Equal(1, answer.Number("added"));
    }
}
