using System.Text.Json;
using Databus.Outbox;
using Databus.Storage;
using Microsoft.Data.Sqlite;

namespace Databus.Sqlite.Outbox;

/// <summary>What becomes of claims and of what was claimed, within a write transaction.</summary>
internal sealed class OutboxCompleting(SqliteConnection connection, long now)
{
    /// <summary>False: the claim was lost, and nothing was changed.</summary>
    public bool Complete(OutboxCompletion completion)
    {
        var token = completion.Token.ToColumn();
        var held = completion.KeepsClaim
            ? connection.Command("UPDATE databus_outbox_claim SET ids = '[]' WHERE token = $token", token).Run()
            : connection.Command("DELETE FROM databus_outbox_claim WHERE token = $token", token).Run();
        if (held == 0)
            return false;

        if (completion.Ends.Where(end => end.Result == OutboxResult.Failed).ToList() is { Count: > 0 } failed)
            Fail(ToJson(failed));
        if (completion.Ends.Where(end => end.Result == OutboxResult.Parked).ToList() is { Count: > 0 } parked)
            Park(ToJson(parked));
        if (completion.Ends.Where(end => end is { Result: OutboxResult.Sent, Time.Ticks: > 0 }).ToList() is { Count: > 0 } kept)
            Keep(ToJson(kept));
        connection.Command(
            "DELETE FROM databus_outbox_message WHERE id IN (SELECT value FROM json_each($ids))",
            IdList.Of(completion.Ends.Where(end => end.Result != OutboxResult.Failed).Select(end => end.Id))).Run();
        return true;
    }

    private void Fail(string ends) => connection.Command(
        """
        UPDATE databus_outbox_message SET attempts = attempts + 1, due_at = $now + e.time, error = e.reason
        FROM (SELECT json_extract(value, '$[0]') AS id, json_extract(value, '$[1]') AS reason, json_extract(value, '$[2]') AS time FROM json_each($ends)) AS e
        WHERE databus_outbox_message.id = e.id
        """,
        now, ends).Run();

    private void Park(string ends) => connection.Command(
        """
        INSERT INTO databus_outbox_parked (id, message_id, type, order_key, content, trace_parent, recorded_at, parked_at, attempts, reason, holds_key)
        SELECT m.id, m.message_id, m.type, m.order_key, m.content, m.trace_parent, m.recorded_at, $now, m.attempts + 1, e.reason, e.holds_key
        FROM (SELECT json_extract(value, '$[0]') AS id, json_extract(value, '$[1]') AS reason, json_extract(value, '$[3]') AS holds_key FROM json_each($ends)) AS e
        JOIN databus_outbox_message AS m ON m.id = e.id
        """,
        now, ends).Run();

    private void Keep(string ends) => connection.Command(
        """
        INSERT INTO databus_outbox_sent (id, message_id, type, order_key, content, recorded_at, sent_at, keep_until)
        SELECT m.id, m.message_id, m.type, m.order_key, m.content, m.recorded_at, $now, $now + e.time
        FROM (SELECT json_extract(value, '$[0]') AS id, json_extract(value, '$[2]') AS time FROM json_each($ends)) AS e
        JOIN databus_outbox_message AS m ON m.id = e.id
        WHERE true ON CONFLICT (id) DO NOTHING
        """,
        now, ends).Run();

    private static string ToJson(List<OutboxEnd> ends)
    {
        using var json = new MemoryStream();
        using (var writer = new Utf8JsonWriter(json))
        {
            writer.WriteStartArray();
            foreach (var end in ends)
            {
                writer.WriteStartArray();
                writer.WriteNumberValue(end.Id);
                writer.WriteStringValue(end.Reason ?? "");
                writer.WriteNumberValue(end.Time.ToColumn());
                writer.WriteNumberValue(end.HoldsKey ? 1 : 0);
                writer.WriteEndArray();
            }

            writer.WriteEndArray();
        }

        return System.Text.Encoding.UTF8.GetString(json.ToArray());
    }
}
