ALTER TABLE readings
ADD COLUMN operation text,
ADD COLUMN first_receipt text,
ADD COLUMN paid_at timestamptz;
COMMENT ON COLUMN readings.operation IS 'What a partner knows the line by: its transaction id, else @ and time and account; NULL: nothing';
COMMENT ON COLUMN readings.first_receipt IS 'Of the line that had the same operation and the same values before; NULL: there is none';
COMMENT ON COLUMN readings.paid_at IS 'The partner''s time in the line; read_on is its day by our clock, which may be another than by the partner''s';

CREATE INDEX readings_operation_idx ON readings (operation) WHERE operation IS NOT NULL;

ALTER TABLE registries
ADD COLUMN decision text NOT NULL DEFAULT ''
CONSTRAINT registries_decision_check CHECK (decision IN ('', 'awaited', 'released', 'refused')),
ADD COLUMN tally jsonb NOT NULL DEFAULT '{}',
ADD COLUMN resumed_at timestamptz,
ADD COLUMN resumed_lines integer NOT NULL DEFAULT 0,
ADD COLUMN resumed_bytes bigint NOT NULL DEFAULT 0,
ADD COLUMN advanced_at timestamptz;
COMMENT ON COLUMN registries.decision IS 'A person''s about a file with too many bad lines; awaited: nothing of it is recorded yet';
COMMENT ON COLUMN registries.tally IS 'How many data lines came to what: {"accept accepted": 97, "reject account_malformed": 3}';
COMMENT ON COLUMN registries.resumed_at IS 'When its lines began to be recorded, the last time; with resumed_lines and resumed_bytes it tells the rate';

-- What was counted so far; a line with flaws has the gravest of its verdicts.
UPDATE registries SET tally = counted.tally
FROM (
    SELECT message_id, jsonb_object_agg(verdict, lines) AS tally
    FROM (
        SELECT message_id, disposition || ' ' || reason AS verdict, count(*) AS lines
        FROM (
            SELECT DISTINCT ON (readings.message_id, readings.line)
                readings.message_id, readings.disposition, readings.reason
            FROM readings
            INNER JOIN registries ON readings.message_id = registries.message_id
            ORDER BY
                readings.message_id, readings.line,
                array_position(ARRAY['reject', 'hold', 'accept'], readings.disposition),
                readings.register
        ) AS lines
        GROUP BY message_id, disposition, reason
    ) AS verdicts
    GROUP BY message_id
) AS counted
WHERE registries.message_id = counted.message_id;
