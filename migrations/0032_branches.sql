-- What a commit was called when it was asked for by its SHA: the branch that was merged into, the ref that somebody looked at.
ALTER TABLE warrants ADD COLUMN branch TEXT;
