CREATE TABLE terminal_operations (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('pay', 'submit', 'cancel')),
    transaction_id text NOT NULL,
    fingerprint text NOT NULL,
    account text NOT NULL,
    amount text NOT NULL,
    received_at timestamptz NOT NULL,
    operated_at timestamptz NOT NULL,
    external_id text NOT NULL,
    cancels bigint REFERENCES terminal_operations,
    receipt text NOT NULL DEFAULT '',
    disposition text,
    reason text,
    status smallint,
    content_type text NOT NULL DEFAULT '',
    response bytea,
    CONSTRAINT terminal_operations_key UNIQUE (channel, kind, transaction_id),
    CONSTRAINT terminal_operations_response_check CHECK ((status IS NULL) = (response IS NULL))
);
COMMENT ON TABLE terminal_operations IS 'What terminals of partners asked for, by their own transaction ids, and what they were answered';
COMMENT ON COLUMN terminal_operations.number IS 'Ours; the partner is told it';
COMMENT ON COLUMN terminal_operations.fingerprint IS 'Of account, amount and values: the same id with another one is a conflict';
COMMENT ON COLUMN terminal_operations.operated_at IS 'The partner''s own time, or that of arrival where it gave none';
COMMENT ON COLUMN terminal_operations.external_id IS 'Of the message with the readings; empty where there were none';
COMMENT ON COLUMN terminal_operations.response IS 'As it was sent, byte for byte; NULL while nothing final was said';

CREATE INDEX terminal_operations_operated_at_idx ON terminal_operations (channel, operated_at);
CREATE INDEX terminal_operations_cancels_idx ON terminal_operations (cancels)
WHERE cancels IS NOT NULL;
