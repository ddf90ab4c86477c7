-- Web Push (RFC 8030): where a desk is reached while nobody looks at its window. One per login, which ends with it; address and
-- keys of the subscription are sealed.

CREATE TABLE push_subscriptions (
    token BYTEA PRIMARY KEY REFERENCES tokens (hash) ON DELETE CASCADE,
    lawyer TEXT NOT NULL REFERENCES lawyers (id),
    endpoint_ref TEXT NOT NULL,
    sealed BYTEA NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX push_subscriptions_by_lawyer ON push_subscriptions (lawyer, created_at);
CREATE INDEX push_subscriptions_by_endpoint ON push_subscriptions (endpoint_ref);
