using System.Text;
using System.Text.Json;
using Databus.Testing;

namespace Databus.AspNetCore.Tests.Topics;

public sealed class RealInputTests(DatabusApp app) : IClassFixture<DatabusApp>
{
    private const string Stream = "listings/dedup-stream-500";

    public static TheoryData<string> ParsingFiles => [.. SharedData.FileNames("json/parsing")];

    public static TheoryData<string> Vectors => [.. SharedData.FileNames("json/jcs/input")];

    [Theory]
    [MemberData(nameof(ParsingFiles))]
    public async Task A_corner_case_of_JSON_as_the_body_is_added_or_clearly_refused(string file)
    {
        var body = SharedData.Bytes($"json/parsing/{file}");
        foreach (var path in (string[])["/add?topic=parsing", "/api/v1/topics/parsing/items"])
        {
            var answer = await app.PostAsync(path, body, "application/json");

            if (answer.Status is not (200 or 201))
            {
                Assert.InRange(answer.Status, 400, 499);
                Assert.Equal("application/problem+json", answer.Type);
                Assert.NotEmpty(answer.Error);
            }
        }
    }

    [Theory]
    [MemberData(nameof(ParsingFiles))]
    public async Task A_corner_case_of_JSON_inside_an_object_is_added_or_clearly_refused(string file)
    {
        byte[] body = [.. "{\"v\":"u8, .. SharedData.Bytes($"json/parsing/{file}"), .. "}"u8];

        var answer = await app.PostAsync("/add?topic=inside", body, "application/json");

        if (file.StartsWith("y_", StringComparison.Ordinal))
            Assert.True(answer.Status is 201 or 409, answer.Text);
        else if (file.StartsWith("n_", StringComparison.Ordinal) || answer.Status is not (201 or 409))
            answer.MustBeProblem(400, "content", "body");
    }

    [Theory]
    [MemberData(nameof(Vectors))]
    public async Task A_vector_of_RFC_8785_and_its_canonical_form_are_duplicates(string file)
    {
        var sent = Wrap(SharedData.Bytes($"json/jcs/input/{file}"));
        var canonical = Wrap(SharedData.Bytes($"json/jcs/output/{file}"));

        var first = await app.PostAsync("/add?topic=vectors", sent, "application/json");
        var second = await app.PostAsync("/add?topic=vectors", canonical, "application/json");

        Assert.Equal((201, 409), (first.Status, second.Status));
        Assert.Equal(first["id"], second["id"]);
    }

    [Fact]
    public async Task The_stream_of_duplicates_gives_its_known_answers_one_by_one()
    {
        var lines = SharedData.Lines($"{Stream}.jsonl");
        var ids = new Dictionary<int, string>();

        foreach (var expected in Expected.GetProperty("lines").EnumerateArray())
        {
            var number = expected.GetProperty("line").GetInt32();
            var answer = await app.PostAsync("/add?topic=single", lines[number - 1]);

            if (expected.GetProperty("duplicateOfLine") is { ValueKind: JsonValueKind.Number } original)
                Assert.Equal((409, ids[original.GetInt32()]), (answer.Status, answer["id"]));
            else
                Assert.Equal(201, answer.Status);
            ids[number] = answer["id"];
        }
    }

    [Fact]
    public async Task The_stream_of_duplicates_gives_its_known_counts_and_keys_as_lines()
    {
        var expected = Expected;

        var answer = await app.PostLinesAsync("lines", SharedData.Bytes($"{Stream}.jsonl"));

        Assert.Equal(expected.GetProperty("unique").GetInt64(), answer.Number("added"));
        Assert.Equal(expected.GetProperty("duplicates").GetInt64(), answer.Number("duplicates"));
        Assert.Equal(0, answer.Number("invalid"));
        var keys = (await app.GetAsync("/api/v1/topics/lines/items?limit=1000")).List("items").Select(item => item.GetProperty("key").GetString());
        Assert.Equal(
            expected.GetProperty("lines").EnumerateArray()
                .Where(line => line.GetProperty("duplicateOfLine").ValueKind == JsonValueKind.Null)
                .Select(line => line.GetProperty("sha256OfCanonicalJson").GetString()),
            keys);
    }

    [Fact]
    public async Task Ten_thousand_apartments_are_added_once_and_are_all_duplicates_the_second_time()
    {
        var apartments = SharedData.Bytes("listings/apartments-us-10k.jsonl");

        var first = await app.PostLinesAsync("apartments", apartments);
        var second = await app.PostLinesAsync("apartments", apartments);

        Assert.Equal("""{"added":10000,"duplicates":0,"invalid":0,"errors":[]}""", first.Text);
        Assert.Equal("""{"added":0,"duplicates":10000,"invalid":0,"errors":[]}""", second.Text);
        Assert.Equal(10_000, (await app.GetAsync("/api/v1/topics/apartments")).Number("items"));
    }

    private static JsonElement Expected => JsonElement.Parse(Encoding.UTF8.GetString(SharedData.Bytes($"{Stream}.expected.json")));

    private static byte[] Wrap(byte[] json) => [.. "{\"v\":"u8, .. json, .. "}"u8];
}
