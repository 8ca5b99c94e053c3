using System.Text;
using Databus.Connectors.WordCounts;

namespace Databus.Connectors.Tests.WordCounts;

public sealed class WordTallyTests
{
    [Theory]
    [InlineData("The cat, the Cat; THE CAT!", "the:3 cat:3")]
    [InlineData("don't Don’t 'quoted' it's' rock'n'roll ''", "don't:2 quoted:1 it's:1 rock'n'roll:1")]
    [InlineData("a''b", "a:1 b:1")]
    [InlineData("2024 3.14 1,000 - 10% 3d mp3 x2", "3d:1 mp3:1 x2:1")]
    [InlineData("well-known under_score e.g.", "well:1 known:1 under:1 score:1 e:1 g:1")]
    [InlineData("Straße ÉTÉ été Ὀδυσσεύς ЁЛКА", "straße:1 été:2 ὀδυσσεύς:1 ёлка:1")]
    [InlineData("हिन्दी ภาษาไทย 日本語。東京", "हिन्दी:1 ภาษาไทย:1 日本語:1 東京:1")]
    [InlineData("soft\u00ADhyphen zero\u200Bwidth", "softhyphen:1 zerowidth:1")]
    [InlineData("𝐁old 😀 x\uD800y", "𝐁old:1 x:1 y:1")]
    [InlineData("", "")]
    public void Words_are_runs_of_letters_marks_and_digits_with_a_letter(string text, string expected)
    {
        var words = Tally(text);
        Assert.Equal(
            expected.Split(' ', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal),
            words.Counts.Select(word => $"{word.Key}:{word.Value}").Order(StringComparer.Ordinal));
        Assert.Equal(words.Counts.Values.Sum(), words.Total);
    }

    [Fact]
    public void A_word_goes_on_in_the_next_part_unless_it_is_ended()
    {
        var words = new WordTally();
        words.Add("em");
        words.Add("phasis don");
        words.Add("'t end");
        words.EndWord();
        words.Add("ed");
        words.EndWord();
        Assert.Equal(["don't", "ed", "emphasis", "end"], words.Counts.Keys.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void What_is_too_long_for_a_word_is_none()
    {
        var words = Tally($"{new string('a', WordTally.LongestWord)} {new string('b', WordTally.LongestWord + 1)} c");
        Assert.Equal(["a", "c"], words.Counts.Keys.Select(word => word[..1]));
        Assert.Equal(2, words.Total);
    }

    [Fact]
    public void Equally_frequent_words_come_in_the_order_of_their_letters() =>
        Assert.Equal(["b", "a", "c"], Tally("b c a b").MostFrequent(10, without: null).Select(word => word.Word));

    [Theory]
    [InlineData("en", "It is the season of the year in which we are all at home and nobody has to go out")]
    [InlineData("de", "Es war einmal ein König, der hatte eine Tochter, die war so schön wie die Sonne und doch nicht froh")]
    [InlineData("fr", "Il était une fois un roi qui avait une fille plus belle que le jour, mais elle ne riait jamais")]
    [InlineData("es", "Había una vez un rey que tenía una hija más bella que el sol, pero no se reía nunca con nadie")]
    [InlineData("it", "C'era una volta un re che aveva una figlia più bella del sole, ma non rideva mai con nessuno")]
    [InlineData("pt", "Era uma vez um rei que tinha uma filha mais bela do que o sol, mas ela não ria com ninguém")]
    [InlineData("nl", "Er was eens een koning die een dochter had, zo mooi als de zon, maar ze lachte nooit met iemand")]
    [InlineData("ru", "Жил да был на свете король, и была у него дочь, которая никогда не смеялась, а только плакала")]
    [InlineData("cs", "Byl jednou jeden král a ten měl dceru, která se nikdy nesmála, protože jí bylo od rána do večera smutno")]
    public void A_language_is_known_by_its_stop_words(string language, string text)
    {
        Assert.Equal(language, StopWords.Guess(Tally(text).Counts, claim: null)?.Language);

        // A template that says otherwise does not count for more than the text.
        Assert.Equal(language, StopWords.Guess(Tally(text).Counts, language == "en" ? "ru" : "en-US")?.Language);
    }

    [Theory]
    [InlineData(null, null)]
    [InlineData("de-AT", "de")]
    [InlineData("ja", null)]
    [InlineData("", null)]
    public void Where_the_words_say_nothing_the_claim_does(string? claim, string? language) =>
        Assert.Equal(language, StopWords.Guess(Tally("lorem ipsum dolor").Counts, claim)?.Language);

    [Fact]
    public void There_are_stop_words_of_nine_languages_and_each_is_a_word()
    {
        Assert.Equal(["cs", "de", "en", "es", "fr", "it", "nl", "pt", "ru"], StopWords.All.Keys.Order(StringComparer.Ordinal));
        foreach (var language in StopWords.All.Keys)
        {
            using var stream = typeof(StopWords).Assembly.GetManifestResourceStream($"StopWords/{language}")!;
            using var reader = new StreamReader(stream, Encoding.UTF8);
            var text = reader.ReadToEnd();
            var listed = text.Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries);
            Assert.InRange(listed.Length, 150, 500);

            // What would be split or changed in counting would never be found.
            Assert.Equal(listed.Order(StringComparer.Ordinal), Tally(text).Counts.Keys.Order(StringComparer.Ordinal));
        }
    }

    private static WordTally Tally(string text)
    {
        var words = new WordTally();
        words.Add(text);
        words.EndWord();
        return words;
    }
}
