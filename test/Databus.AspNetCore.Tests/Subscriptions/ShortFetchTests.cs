namespace Databus.AspNetCore.Tests.Subscriptions;

public sealed class ShortFetchTests(DatabusApp app) : IClassFixture<DatabusApp>
{
    private readonly string _topic = "t" + Guid.NewGuid().ToString("n");

    [Fact]
    public async Task Without_data_the_answer_is_that_of_the_reference_system()
    {
        var answer = await app.GetAsync($"/fetch?topic={_topic}");

        Assert.Equal((200, "application/json"), (answer.Status, answer.Type));
        Assert.Equal("""{"message":"No data available"}""", answer.Text);
    }

    [Fact]
    public async Task One_item_is_taken_for_good()
    {
        await app.AddAsync(_topic, """{"b":1,"a":[2]}""");

        Assert.Equal("""{"data":{"content":{"b":1,"a":[2]}},"id":"1"}""", (await app.GetAsync($"/fetch?topic={_topic}")).Text);
        Assert.Equal("""{"message":"No data available"}""", (await app.GetAsync($"/fetch?topic={_topic}")).Text);
        Assert.Equal("""{"data":{"content":{"b":1,"a":[2]}},"id":"1"}""", (await app.GetAsync($"/fetch?topic={_topic}&subscription=other")).Text);
    }

    [Fact]
    public async Task The_default_topic_and_subscription_need_no_names()
    {
        await using var other = await DatabusApp.StartAsync(new AppSetup());
        await other.PostAsync("/add", """{"a":1}""");

        Assert.Equal("""{"data":{"content":{"a":1}},"id":"1"}""", (await other.GetAsync("/fetch")).Text);
        Assert.Equal("1", (await other.GetAsync("/api/v1/topics/default/subscriptions/default"))["position"]);
    }

    [Fact]
    public async Task With_a_lease_the_answer_has_the_token_to_acknowledge_with()
    {
        await app.AddAsync(_topic, """{"a":1}""");

        var answer = await app.GetAsync($"/fetch?topic={_topic}&subscription=s&lease=30");

        var acknowledged = await app.PostAsync($"/api/v1/topics/{_topic}/subscriptions/s/ack", $$"""{"tokens":["{{answer["token"]}}"]}""");
        Assert.Equal(1, acknowledged.Number("acknowledged"));
    }

    [Theory]
    [InlineData("lease=0", "lease", 43_200L)]
    [InlineData("lease=43201", "lease", 43_200L)]
    [InlineData("lease=NaN", "lease", 43_200L)]
    [InlineData("lease=soon", "lease", 43_200L)]
    [InlineData("topic=a%20b", "topic", null)]
    [InlineData("subscription=.x", "subscription", null)]
    public async Task A_bad_parameter_is_named(string query, string field, long? limit)
    {
        (await app.GetAsync($"/fetch?{query}")).MustBeProblem(400, "invalid", field, limit);
    }

    [Fact]
    public async Task Concurrent_takers_get_each_item_once()
    {
        const int Count = 200;
        await app.FillAsync(_topic, Count);

        var ids = await Task.WhenAll(Enumerable.Range(0, Count).Select(async _ => (await app.GetAsync($"/fetch?topic={_topic}"))["id"]));

        Assert.Equal(Count, ids.Distinct().Count());
    }
}
