-- What a person is to do, where the present attempt is carried out by one, and what was said about how it went (JSON).
ALTER TABLE runs ADD COLUMN instructions TEXT;
ALTER TABLE runs ADD COLUMN verdict TEXT;
