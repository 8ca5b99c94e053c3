-- Claims say of what waits either that due_at > '-infinity' or that id > 0. Both are always true, and only the index that says so too will
-- do for the planner.
DROP INDEX databus_outbox.message_waiting;
DROP INDEX databus_outbox.message_waiting_id;
CREATE INDEX message_waiting ON databus_outbox.message (type, due_at) WHERE due_at > '-infinity';
CREATE INDEX message_waiting_id ON databus_outbox.message (type, (id + 0)) WHERE due_at IS NOT NULL AND id > 0;
