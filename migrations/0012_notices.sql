-- Everybody who is told something beside GitHub and Slack has a line of their own in the outbox: whoever is away holds up nobody
-- else.
ALTER TABLE outbox ADD COLUMN recipient TEXT;
-- Where whoever asked, through a bot of a chat, hears what becomes of it.
ALTER TABLE runs ADD COLUMN listener TEXT;
ALTER TABLE locks ADD COLUMN listener TEXT;
