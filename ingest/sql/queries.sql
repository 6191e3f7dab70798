-- Every statement of the program, by name. The parameters are documented where store.py calls it.

-- name: find_circumstances
-- Both halves in one round trip: what was received before, and the readings that count now.
-- OFFSET 0 keeps the look-ups what they are: one index probe per row, however small the tables
-- were when the plan was made.
SELECT
    wanted.ord,
    messages.id AS message_id,
    NULL::text AS account,
    NULL::date AS period,
    NULL::bigint AS value,
    NULL::integer AS line,
    NULL::timestamptz AS effective_at
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS wanted (channel, external_id, ord)
CROSS JOIN LATERAL (
    SELECT id FROM messages
    WHERE messages.channel = wanted.channel AND messages.external_id = wanted.external_id
    OFFSET 0
) AS messages
UNION ALL
(
    SELECT
        0 AS ord,
        readings.message_id,
        readings.account,
        readings.period,
        readings.value,
        readings.line,
        readings.effective_at
    FROM unnest($3::text[], $4::date[]) AS wanted (account, period)
    CROSS JOIN LATERAL (
        SELECT * FROM readings AS standing
        WHERE
            standing.period = wanted.period
            AND standing.account = wanted.account
            AND standing.counts
        OFFSET 0
    ) AS readings
    ORDER BY readings.account, readings.period, readings.register
);

-- name: record_group
-- One statement, hence one transaction and one round trip. Old readings must cease to count
-- before new ones start to, hence the condition on the first step in the third.
WITH superseded AS (
    UPDATE readings SET counts = FALSE
    FROM unnest($1::bigint[], $2::integer[]) AS old (message_id, line)
    WHERE readings.counts AND readings.message_id = old.message_id AND readings.line = old.line
    RETURNING readings.message_id
),

recorded AS (
    INSERT INTO messages (
        channel, external_id, receipt, kind, state, received_at, sent_at, sender, recipient,
        media_type, raw, text, remainder, finding, disposition, reason, reply, problem,
        authentication
    )
    SELECT
        channel, external_id, receipt, 'message', state, received_at, sent_at, sender, recipient,
        media_type, raw, text, remainder, finding, disposition, reason, reply, problem,
        authentication
    FROM unnest(
        $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::timestamptz[],
        $9::text[], $10::text[], $11::text[], $12::bytea[], $13::text[], $14::text[], $15::text[],
        $16::text[], $17::text[], $18::text[], $19::text[], $20::text[]
    ) AS m (
        channel, external_id, receipt, state, received_at, sent_at, sender, recipient,
        media_type, raw, text, remainder, finding, disposition, reason, reply, problem,
        authentication
    )
    RETURNING id, receipt
),

judged AS (
    INSERT INTO readings (
        message_id, line, register, account, value, previous, disposition, reason, counts,
        period, read_on, effective_at, fragment
    )
    SELECT
        recorded.id, line, register, account, value, previous, disposition, reason, counts,
        period, read_on, effective_at, fragment
    FROM unnest(
        $21::text[], $22::integer[], $23::smallint[], $24::text[], $25::bigint[], $26::bigint[],
        $27::text[], $28::text[], $29::boolean[], $30::date[], $31::date[], $32::timestamptz[],
        $33::text[]
    ) AS r (
        receipt, line, register, account, value, previous, disposition, reason, counts,
        period, read_on, effective_at, fragment
    )
    INNER JOIN recorded USING (receipt)
    WHERE (SELECT count(*) FROM superseded) >= 0
)

INSERT INTO outbox (
    message_id, occasion, channel, receipt, reason, address, subject, in_reply_to,
    reply_references, body
)
SELECT
    recorded.id, 0, channel, receipt, reason, address, subject, in_reply_to,
    reply_references, body
FROM unnest(
    $34::text[], $35::text[], $36::text[], $37::text[], $38::text[], $39::text[], $40::text[],
    $41::text[]
) AS o (receipt, channel, reason, address, subject, in_reply_to, reply_references, body)
INNER JOIN recorded USING (receipt);

-- name: list_outcomes
SELECT id, receipt, disposition, reason, reply
FROM messages
WHERE id = any($1::bigint[]);

-- name: list_readings
SELECT
    message_id, line, register, account, value, previous, disposition, reason, counts, period,
    read_on, fragment
FROM readings
WHERE message_id = any($1::bigint[])
ORDER BY message_id, line, register;

-- name: ping
SELECT current_setting('transaction_read_only') = 'on' AS is_read_only;

-- name: open_registry
WITH opened AS (
    INSERT INTO messages (
        channel, external_id, receipt, kind, state, received_at, sender, recipient, media_type,
        raw, text, remainder, finding, reply, problem
    )
    VALUES ($1, $2, $3, 'registry', 'open', $4, '', '', $5, '', '', '', '', '', '')
    ON CONFLICT (channel, external_id) DO NOTHING
    RETURNING id
)

INSERT INTO registries (message_id, file_name, size, claim)
SELECT id, $6, $7, $8 FROM opened;

-- name: list_superseded_registries
-- Earlier versions of a file that changed under way, left open by a crash in between.
SELECT registries.message_id, messages.receipt, messages.state, registries.lines, registries.read_bytes
FROM messages
INNER JOIN registries ON messages.id = registries.message_id
WHERE
    messages.state = 'open'
    AND messages.channel = $1
    AND messages.external_id <> $2
    AND registries.claim = $3;

-- name: find_registry
SELECT registries.message_id, messages.receipt, messages.state, registries.lines, registries.read_bytes
FROM messages
INNER JOIN registries ON messages.id = registries.message_id
WHERE messages.channel = $1 AND messages.external_id = $2;

-- name: get_registry
SELECT messages.receipt, messages.disposition, messages.reason, messages.reply
FROM messages WHERE messages.id = $1;

-- name: lock_registry
-- Both rows: after waiting for the lock, what is read of an unlocked one would be out of date.
SELECT
    messages.channel, messages.receipt, messages.received_at, messages.state,
    registries.lines, registries.read_bytes
FROM registries
INNER JOIN messages ON registries.message_id = messages.id
WHERE registries.message_id = $1
FOR UPDATE OF registries, messages;

-- name: supersede
UPDATE readings SET counts = FALSE
FROM unnest($1::bigint[], $2::integer[]) AS old (message_id, line)
WHERE readings.counts AND readings.message_id = old.message_id AND readings.line = old.line;

-- name: advance_registry
WITH kept AS (
    INSERT INTO registry_chunks (message_id, first_line, line_count, raw)
    SELECT message_id, lines + 1, $2, $4 FROM registries WHERE message_id = $1
)

UPDATE registries SET lines = lines + $2, read_bytes = read_bytes + $3
WHERE message_id = $1
RETURNING lines, read_bytes;

-- name: count_verdicts
SELECT disposition, reason, count(*) AS readings
FROM readings
WHERE message_id = $1 AND register = 1
GROUP BY disposition, reason
ORDER BY disposition, reason;

-- name: discount_message
-- Nothing of this message counts any more; what it had replaced counts again.
WITH discounted AS (
    UPDATE readings SET counts = FALSE
    WHERE message_id = $1 AND counts
    RETURNING account, period
),

latest AS (
    SELECT DISTINCT ON (readings.account, readings.period) readings.message_id, readings.line
    FROM readings
    INNER JOIN (SELECT DISTINCT account, period FROM discounted) AS affected
        ON readings.account = affected.account AND readings.period = affected.period
    WHERE
        readings.message_id <> $1
        AND readings.disposition = 'accept'
    ORDER BY
        readings.account, readings.period, readings.effective_at DESC,
        readings.message_id DESC, readings.line DESC
)

UPDATE readings SET counts = TRUE
FROM latest
WHERE readings.message_id = latest.message_id AND readings.line = latest.line;

-- name: finish_registry
-- What was withdrawn after it had been judged (the file changed meanwhile) must be as new when the
-- same content comes again, complete.
WITH closed AS (
    UPDATE messages
    SET
        state = 'judged', disposition = $2, reason = $3, problem = $4,
        external_id = CASE
            WHEN $4 <> '' AND EXISTS (SELECT FROM readings WHERE message_id = $1)
                THEN external_id || ':withdrawn:' || receipt
            ELSE external_id
        END
    WHERE id = $1
)

UPDATE registries SET finished_at = clock_timestamp() WHERE message_id = $1;

-- name: list_line_results
SELECT line, disposition, reason
FROM readings
WHERE message_id = $1 AND register = 1 AND line > $2
ORDER BY line
LIMIT $3;

-- name: claim_replies
-- A lease that ran out was somebody's attempt: how it ended is not known.
WITH due AS (
    SELECT id, state = 'sending' AND has_begun AS is_interrupted
    FROM outbox
    WHERE
        channel = any($1::text[])
        AND (
            (state = 'due' AND next_attempt_at <= now())
            OR (state = 'sending' AND leased_until <= now())
        )
    ORDER BY next_attempt_at, id
    LIMIT $2
    FOR UPDATE SKIP LOCKED
)

UPDATE outbox
SET
    state = 'sending',
    attempts = attempts + 1,
    has_begun = FALSE,
    leased_until = now() + $3::interval
FROM due
WHERE outbox.id = due.id
RETURNING
    outbox.*,
    due.is_interrupted,
    (
        SELECT count(*) FROM outbox AS earlier
        WHERE
            earlier.address = outbox.address
            AND earlier.reason = outbox.reason
            AND earlier.state = 'sent'
            AND earlier.settled_at > now() - interval '1 day'
    ) AS sent_lately;

-- name: settle_reply
-- Only whoever holds the lease of this very attempt may say how it ended.
WITH settled AS (
    UPDATE outbox
    SET
        state = $3,
        leased_until = NULL,
        next_attempt_at = now() + $4::interval,
        settled_at = CASE WHEN $3 = 'due' THEN NULL ELSE now() END,
        upstream_id = $6
    WHERE id = $1 AND attempts = $2 AND state = 'sending'
    RETURNING id
)

INSERT INTO deliveries (outbox_id, attempt, state, detail)
SELECT id, $2, CASE WHEN $3 = 'due' THEN 'retry' ELSE $3 END, $5 FROM settled;

-- name: count_waiting
SELECT
    (SELECT count(*) FROM outbox WHERE state IN ('due', 'sending')) AS replies_due,
    (SELECT min(created_at) FROM outbox WHERE state IN ('due', 'sending')) AS oldest_reply_at,
    (SELECT count(*) FROM messages WHERE disposition = 'hold' AND state <> 'open') AS held;

-- name: list_messages
SELECT
    messages.receipt,
    messages.channel,
    messages.kind,
    messages.state,
    messages.received_at,
    messages.sender,
    messages.disposition,
    messages.reason,
    coalesce(
        registries.lines,
        (SELECT count(*) FROM readings WHERE readings.message_id = messages.id AND register = 1)
    ) AS readings,
    coalesce(registries.file_name, left(messages.text, 200)) AS text,
    (
        SELECT outbox.state FROM outbox
        WHERE outbox.message_id = messages.id
        ORDER BY outbox.occasion DESC LIMIT 1
    ) AS reply_state
FROM messages
LEFT JOIN registries ON messages.id = registries.message_id
WHERE
    ($1::text IS NULL OR messages.channel = $1)
    AND ($2::text IS NULL OR messages.disposition = $2)
    AND ($3::text IS NULL OR messages.reason = $3)
    AND ($4::text IS NULL OR messages.state = $4)
    AND (
        $5::text IS NULL
        OR messages.id IN (SELECT readings.message_id FROM readings WHERE readings.account = $5)
    )
    AND ($6::timestamptz IS NULL OR messages.received_at >= $6)
ORDER BY messages.received_at DESC, messages.id DESC
LIMIT $7;

-- name: find_message
SELECT
    messages.*,
    registries.file_name,
    registries.size,
    registries.lines,
    registries.read_bytes,
    registries.finished_at
FROM messages
LEFT JOIN registries ON messages.id = registries.message_id
WHERE messages.receipt = $1;

-- name: list_message_readings
SELECT
    message_id, line, register, account, value, previous, disposition, reason, counts, period,
    read_on, effective_at, fragment
FROM readings
WHERE message_id = $1 AND ($2::integer IS NULL OR line = $2)
ORDER BY line, register
LIMIT $3;

-- name: list_replies
SELECT * FROM outbox WHERE message_id = $1 ORDER BY occasion;

-- name: list_deliveries
SELECT deliveries.* FROM deliveries
INNER JOIN outbox ON deliveries.outbox_id = outbox.id
WHERE outbox.message_id = $1
ORDER BY deliveries.ended_at, deliveries.attempt;

-- name: list_events
SELECT * FROM events WHERE message_id = $1 ORDER BY id;

-- name: list_chunks
SELECT raw FROM registry_chunks WHERE message_id = $1 ORDER BY first_line;

-- name: export_period
SELECT
    readings.account,
    readings.register,
    readings.value,
    readings.read_on,
    messages.received_at,
    readings.period,
    messages.channel,
    CASE
        WHEN messages.kind = 'registry' THEN messages.receipt || '/' || readings.line
        ELSE messages.receipt
    END AS receipt
FROM readings
INNER JOIN messages ON readings.message_id = messages.id
WHERE readings.counts AND readings.period = $1
ORDER BY readings.account, readings.register;

-- name: count_messages
SELECT channel, disposition, count(*) AS messages, max(received_at) AS latest_at
FROM messages
WHERE received_at >= $1 AND state <> 'open'
GROUP BY channel, disposition
ORDER BY channel, disposition;

-- name: count_waiting_messages
SELECT channel, state, reason, count(*) AS messages, min(received_at) AS oldest_at
FROM messages
WHERE disposition = 'hold' OR state <> 'judged'
GROUP BY channel, state, reason
ORDER BY channel, state, reason;

-- name: count_outbox
SELECT channel, state, count(*) AS replies, min(created_at) AS oldest_at
FROM outbox
WHERE state <> 'sent' OR settled_at >= $1
GROUP BY channel, state
ORDER BY channel, state;

-- name: list_open_registries
SELECT
    messages.receipt, messages.channel, messages.received_at, registries.file_name,
    registries.size, registries.lines, registries.read_bytes
FROM registries
INNER JOIN messages ON registries.message_id = messages.id
WHERE messages.state = 'open'
ORDER BY messages.received_at;

-- name: list_parked
SELECT receipt FROM messages WHERE state = 'parked' ORDER BY received_at, id;

-- name: lock_message
SELECT * FROM messages WHERE receipt = $1 FOR UPDATE;

-- name: delete_readings
DELETE FROM readings WHERE message_id = $1;

-- name: judge_message_anew
UPDATE messages
SET
    state = $2, disposition = $3, reason = $4, remainder = $5, reply = $6, problem = $7
WHERE id = $1;

-- name: record_event
INSERT INTO events (message_id, event, detail) VALUES ($1, $2, $3);

-- name: owe_another_reply
INSERT INTO outbox (
    message_id, occasion, channel, receipt, reason, address, subject, in_reply_to,
    reply_references, body
)
SELECT
    message_id, occasion + 1, channel, receipt, $2, address, subject, in_reply_to,
    reply_references, $3
FROM outbox
WHERE message_id = $1
ORDER BY occasion DESC LIMIT 1
RETURNING id;

-- name: renew_leases
UPDATE outbox SET leased_until = now() + $3::interval
FROM unnest($1::bigint[], $2::integer[]) AS ours (id, attempts)
WHERE outbox.id = ours.id AND outbox.attempts = ours.attempts AND outbox.state = 'sending';

-- name: begin_reply
UPDATE outbox SET has_begun = TRUE WHERE id = $1;

-- name: give_up_replies
UPDATE outbox SET state = 'failed', settled_at = now(), leased_until = NULL
WHERE
    state IN ('due', 'sending')
    AND NOT channel = any($1::text[])
    AND created_at < now() - $2::interval
RETURNING channel, receipt;

-- name: find_bookmark
SELECT place, epoch, position, attempts FROM bookmarks WHERE channel = $1 AND place = $2;

-- name: save_bookmark
INSERT INTO bookmarks (channel, place, epoch, position, attempts)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (channel, place) DO UPDATE
SET
    epoch = excluded.epoch,
    position = excluded.position,
    attempts = excluded.attempts,
    saved_at = clock_timestamp();

-- name: take_lease
-- A row comes back only for whoever has the lease now.
INSERT INTO leases AS held (name, holder, leased_until)
VALUES ($1, $2, clock_timestamp() + $3::interval)
ON CONFLICT (name) DO UPDATE
SET holder = excluded.holder, leased_until = excluded.leased_until
WHERE held.holder = excluded.holder OR held.leased_until <= clock_timestamp()
RETURNING holder;

-- name: drop_lease
DELETE FROM leases WHERE name = $1 AND holder = $2;

-- name: record_report
-- The reply is known by our own number or by the upstream's id; it comes back when it is ours.
WITH reply AS (
    SELECT id FROM outbox
    WHERE
        channel = $1
        AND CASE WHEN $2::bigint <> 0 THEN id = $2 ELSE $3 <> '' AND upstream_id = $3 END
    ORDER BY id DESC
    LIMIT 1
),

reported AS (
    INSERT INTO delivery_reports (outbox_id, status, detail, reported_at)
    SELECT id, $4, $5, $6 FROM reply
    ON CONFLICT (outbox_id, status, detail) DO NOTHING
)

SELECT id FROM reply;

-- name: list_reports
SELECT delivery_reports.* FROM delivery_reports
INNER JOIN outbox ON delivery_reports.outbox_id = outbox.id
WHERE outbox.message_id = $1
ORDER BY delivery_reports.id;
