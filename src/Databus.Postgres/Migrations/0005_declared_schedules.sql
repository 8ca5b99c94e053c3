-- Of a schedule that a program declares: what stands for its declaration as it was last put in place.
ALTER TABLE databus.schedules ADD COLUMN declaration text;
