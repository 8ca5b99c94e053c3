-- Polls are jobs, and who may poll a source is the one who runs its job. From now on asked_for counts the asks that no poll has answered.
ALTER TABLE sources DROP COLUMN claimed_until;
