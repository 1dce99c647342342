-- In what somebody is signed in, in a few known words such as "Firefox on Linux", so that they can tell their sessions apart.
ALTER TABLE sessions ADD COLUMN browser TEXT;
CREATE INDEX sessions_by_person ON sessions (user_id, name);
