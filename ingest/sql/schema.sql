-- The whole schema as it is now, for reading; migrations/ says how it came about.
-- A test holds the two together.

CREATE TABLE messages (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel text NOT NULL,
    external_id text NOT NULL,
    receipt text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('message', 'registry')),
    state text NOT NULL CHECK (state IN ('open', 'judged', 'parked')),
    received_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    sent_at timestamptz,
    sender text NOT NULL,
    recipient text NOT NULL,
    media_type text NOT NULL,
    raw bytea NOT NULL,
    text text NOT NULL,
    remainder text NOT NULL,
    finding text NOT NULL,
    disposition text,
    reason text,
    reply text NOT NULL,
    problem text NOT NULL,
    authentication text NOT NULL DEFAULT '',
    CONSTRAINT messages_external_id_key UNIQUE (channel, external_id),
    CONSTRAINT messages_receipt_key UNIQUE (receipt),
    CONSTRAINT messages_verdict_check CHECK ((state = 'open') = (disposition IS NULL))
);
COMMENT ON TABLE messages IS 'Everything that arrived, byte for byte, with the verdict of the whole';
COMMENT ON COLUMN messages.external_id IS 'The upstream''s own id; with the channel it makes receiving idempotent';
COMMENT ON COLUMN messages.state IS 'open: a registry still being read; parked: our code failed on it, a person must look';
COMMENT ON COLUMN messages.finding IS 'What the channel found before anything was judged: a reason, or empty';
COMMENT ON COLUMN messages.authentication IS 'What a mail server that we trust found out about the sender';
COMMENT ON COLUMN messages.problem IS 'The traceback of a parked message, or what made a registry fail';

CREATE INDEX messages_received_at_idx ON messages (received_at);
CREATE INDEX messages_waiting_idx ON messages (received_at)
WHERE disposition = 'hold' OR state <> 'judged';

CREATE TABLE readings (
    message_id bigint NOT NULL REFERENCES messages,
    line integer NOT NULL,
    register smallint NOT NULL,
    account text NOT NULL,
    value bigint,
    previous bigint,
    disposition text NOT NULL,
    reason text NOT NULL,
    counts boolean NOT NULL,
    period date,
    read_on date,
    effective_at timestamptz NOT NULL,
    fragment text NOT NULL,
    operation text,
    first_receipt text,
    paid_at timestamptz,
    PRIMARY KEY (message_id, line, register),
    CONSTRAINT readings_counts_check CHECK (NOT counts OR (period IS NOT NULL AND value IS NOT NULL))
);
COMMENT ON TABLE readings IS 'One row per register of every reading, believed or not';
COMMENT ON COLUMN readings.line IS 'Number within the message, from 1; in a registry the line of the file';
COMMENT ON COLUMN readings.register IS 'Which counter of the account, from 1, in the order written';
COMMENT ON COLUMN readings.counts IS 'Whether this is the value billed for account, period and register';
COMMENT ON COLUMN readings.period IS 'First day of the billing period';
COMMENT ON COLUMN readings.effective_at IS 'The time its window was judged by: arrival, or a trusted operation time';
COMMENT ON COLUMN readings.operation IS 'What a partner knows the line by: its transaction id, else @ and time and account; NULL: nothing';
COMMENT ON COLUMN readings.first_receipt IS 'Of the line that had the same operation and the same values before; NULL: there is none';
COMMENT ON COLUMN readings.paid_at IS 'The partner''s time in the line; read_on is its day by our clock, which may be another than by the partner''s';

-- The arbiter: at most one value counts, whoever writes at the same time. It also finds what a
-- new reading has to be compared with.
CREATE UNIQUE INDEX readings_counting_key ON readings (period, account, register) WHERE counts;
CREATE INDEX readings_account_idx ON readings (account);
CREATE INDEX readings_operation_idx ON readings (operation) WHERE operation IS NOT NULL;

CREATE TABLE registries (
    message_id bigint PRIMARY KEY REFERENCES messages,
    file_name text NOT NULL,
    claim text NOT NULL,
    size bigint NOT NULL,
    lines integer NOT NULL DEFAULT 0,
    read_bytes bigint NOT NULL DEFAULT 0,
    finished_at timestamptz,
    decision text NOT NULL DEFAULT ''
    CHECK (decision IN ('', 'awaited', 'released', 'refused')),
    tally jsonb NOT NULL DEFAULT '{}',
    resumed_at timestamptz,
    resumed_lines integer NOT NULL DEFAULT 0,
    resumed_bytes bigint NOT NULL DEFAULT 0,
    advanced_at timestamptz
);
COMMENT ON TABLE registries IS 'How far each batch file has been committed';
COMMENT ON COLUMN registries.claim IS 'The channel''s own name for the file while it works on it';
COMMENT ON COLUMN registries.decision IS 'A person''s about a file with too many bad lines; awaited: nothing of it is recorded yet';
COMMENT ON COLUMN registries.tally IS 'How many data lines came to what: {"accept accepted": 97, "reject account_malformed": 3}';
COMMENT ON COLUMN registries.resumed_at IS 'When its lines began to be recorded, the last time; with resumed_lines and resumed_bytes it tells the rate';

CREATE TABLE registry_chunks (
    message_id bigint NOT NULL REFERENCES registries,
    first_line integer NOT NULL,
    line_count integer NOT NULL,
    raw bytea NOT NULL,
    PRIMARY KEY (message_id, first_line)
);
COMMENT ON TABLE registry_chunks IS 'The bytes of a registry; in order of first_line they are the file';

CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id bigint NOT NULL REFERENCES messages,
    occasion smallint NOT NULL,
    channel text NOT NULL,
    receipt text NOT NULL,
    reason text NOT NULL,
    address text NOT NULL,
    subject text NOT NULL,
    in_reply_to text NOT NULL,
    reply_references text NOT NULL,
    body text NOT NULL,
    state text NOT NULL DEFAULT 'due'
    CHECK (state IN ('due', 'sending', 'sent', 'failed', 'uncertain', 'suppressed')),
    attempts integer NOT NULL DEFAULT 0,
    has_begun boolean NOT NULL DEFAULT FALSE,
    next_attempt_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    leased_until timestamptz,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    settled_at timestamptz,
    upstream_id text NOT NULL DEFAULT '',
    CONSTRAINT outbox_occasion_key UNIQUE (message_id, occasion)
);
COMMENT ON TABLE outbox IS 'Replies that are owed, and what became of them';
COMMENT ON COLUMN outbox.occasion IS '0 answers the message; higher ones tell the sender what a replay changed';
COMMENT ON COLUMN outbox.has_begun IS 'Whether the attempt under way may have reached the person; for ways out where a repeat does harm';
COMMENT ON COLUMN outbox.state IS 'uncertain: it may have gone out and a repeat could reach the person twice';

CREATE INDEX outbox_due_idx ON outbox (channel, next_attempt_at, id)
WHERE state IN ('due', 'sending');
CREATE INDEX outbox_upstream_id_idx ON outbox (channel, upstream_id) WHERE upstream_id <> '';
CREATE INDEX outbox_address_idx ON outbox (address, reason, settled_at)
WHERE state IN ('sent', 'uncertain');

CREATE TABLE deliveries (
    outbox_id bigint NOT NULL REFERENCES outbox,
    attempt integer NOT NULL,
    ended_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    state text NOT NULL,
    detail text NOT NULL,
    PRIMARY KEY (outbox_id, attempt)
);
COMMENT ON TABLE deliveries IS 'Every attempt to send a reply that came to an end';

CREATE TABLE events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id bigint NOT NULL REFERENCES messages,
    happened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    event text NOT NULL,
    detail text NOT NULL
);
COMMENT ON TABLE events IS 'What was done to a message after it was judged, such as a replay';

CREATE INDEX events_message_id_idx ON events (message_id);

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
