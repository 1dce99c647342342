-- What whoever asked to stop a run said about it.
ALTER TABLE runs ADD COLUMN cancel_reason TEXT;
