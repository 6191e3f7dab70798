ALTER TABLE messages ADD COLUMN authentication text NOT NULL DEFAULT '';
COMMENT ON COLUMN messages.authentication IS 'What a mail server that we trust found out about the sender';

CREATE TABLE bookmarks (
    channel text NOT NULL,
    place text NOT NULL,
    epoch bigint NOT NULL,
    position bigint NOT NULL,
    attempts integer NOT NULL,
    saved_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (channel, place)
);
COMMENT ON TABLE bookmarks IS 'How far each mailbox folder or gateway inbox has been read and committed';
COMMENT ON COLUMN bookmarks.epoch IS 'UIDVALIDITY of a folder; positions of another epoch mean nothing';

CREATE TABLE leases (
    name text PRIMARY KEY,
    holder text NOT NULL,
    leased_until timestamptz NOT NULL
);
COMMENT ON TABLE leases IS 'Who alone does something now; it ends by itself when the holder dies';

CREATE TABLE message_parts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel text NOT NULL,
    external_id text NOT NULL,
    series text NOT NULL,
    number smallint NOT NULL,
    total smallint NOT NULL,
    received_at timestamptz NOT NULL,
    text text NOT NULL,
    content bytea NOT NULL,
    joined_as text,
    is_settled boolean NOT NULL DEFAULT FALSE,
    CONSTRAINT message_parts_external_id_key UNIQUE (channel, external_id)
);
COMMENT ON TABLE message_parts IS 'Parts of long texts as they came, until and after all are there';
COMMENT ON COLUMN message_parts.series IS 'Sender, reference and total: what the parts of one text share';
COMMENT ON COLUMN message_parts.joined_as IS 'The external id of the message they became';
COMMENT ON COLUMN message_parts.is_settled IS 'Whether that message is known to be committed';

CREATE UNIQUE INDEX message_parts_waiting_key ON message_parts (channel, series, number)
WHERE joined_as IS NULL;
CREATE INDEX message_parts_overdue_idx ON message_parts (channel, received_at)
WHERE joined_as IS NULL;
CREATE INDEX message_parts_unsettled_idx ON message_parts (channel, received_at)
WHERE joined_as IS NOT NULL AND NOT is_settled;
CREATE INDEX message_parts_joined_as_idx ON message_parts (channel, joined_as)
WHERE joined_as IS NOT NULL;
CREATE INDEX message_parts_series_idx ON message_parts (channel, series, received_at);

CREATE TABLE delivery_reports (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    outbox_id bigint NOT NULL REFERENCES outbox,
    status text NOT NULL CHECK (status IN ('under_way', 'delivered', 'undelivered')),
    detail text NOT NULL,
    reported_at timestamptz,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT delivery_reports_key UNIQUE (outbox_id, status, detail)
);
COMMENT ON TABLE delivery_reports IS 'What upstreams later said became of replies that were sent';

CREATE INDEX outbox_upstream_id_idx ON outbox (channel, upstream_id) WHERE upstream_id <> '';

CREATE INDEX outbox_due_idx ON outbox (channel, next_attempt_at, id)
WHERE state IN ('due', 'sending');
DROP INDEX outbox_owed_idx;

DROP INDEX outbox_address_idx;
CREATE INDEX outbox_address_idx ON outbox (address, reason, settled_at)
WHERE state IN ('sent', 'uncertain');
