-- Of a schedule that a program declares: what stands for its declaration as it was last put in place.
ALTER TABLE schedules ADD COLUMN declaration TEXT;
