-- What is old is removed: whoever removes a row has to know at once who still means it.
CREATE INDEX deployments_delivery ON deployments (delivery_id);
CREATE INDEX runs_delivery ON runs (delivery_id);
CREATE INDEX protection_requests_delivery ON protection_requests (delivery_id);
