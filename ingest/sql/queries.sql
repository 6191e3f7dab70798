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
    NULL::smallint AS register,
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
        readings.register,
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
SELECT
    id, receipt, disposition, reason, reply,
    exists(SELECT FROM outbox WHERE message_id = messages.id AND occasion = 0) AS is_owed
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
SELECT
    registries.message_id, messages.receipt, messages.state, registries.lines,
    registries.read_bytes, registries.decision
FROM messages
INNER JOIN registries ON messages.id = registries.message_id
WHERE
    messages.state = 'open'
    AND messages.channel = $1
    AND messages.external_id <> $2
    AND registries.claim = $3;

-- name: find_registry
SELECT
    registries.message_id, messages.receipt, messages.state, registries.lines,
    registries.read_bytes, registries.decision
FROM messages
INNER JOIN registries ON messages.id = registries.message_id
WHERE messages.channel = $1 AND messages.external_id = $2;

-- name: find_progress
SELECT
    registries.message_id, messages.receipt, messages.state, registries.lines,
    registries.read_bytes, registries.decision
FROM messages
INNER JOIN registries ON messages.id = registries.message_id
WHERE messages.id = $1;

-- name: await_decision
-- Nothing of it may be recorded yet, and nobody can have decided before.
WITH stopped AS (
    UPDATE registries SET decision = 'awaited'
    WHERE message_id = $1 AND lines = 0 AND decision = ''
    RETURNING message_id
)

UPDATE messages SET problem = $2
FROM stopped
WHERE messages.id = stopped.message_id AND messages.state = 'open'
RETURNING messages.id;

-- name: decide_registry
-- What was wrong stays with a refusal, for whoever asks later.
WITH decided AS (
    UPDATE registries SET decision = $2
    FROM messages
    WHERE
        registries.message_id = messages.id
        AND messages.receipt = $1
        AND messages.state = 'open'
        AND registries.decision = 'awaited'
    RETURNING registries.message_id, messages.channel, messages.problem
),

noted AS (
    INSERT INTO events (message_id, event, detail)
    SELECT message_id, 'registry.' || $2, problem FROM decided
),

cleared AS (
    UPDATE messages SET problem = ''
    FROM decided
    WHERE messages.id = decided.message_id AND $2 = 'released'
)

SELECT channel FROM decided;

-- name: get_registry
SELECT messages.receipt, messages.disposition, messages.reason, messages.reply
FROM messages WHERE messages.id = $1;

-- name: lock_registry
-- Both rows: after waiting for the lock, what is read of an unlocked one would be out of date.
SELECT
    messages.channel, messages.receipt, messages.received_at, messages.state,
    registries.lines, registries.read_bytes, registries.decision, registries.tally
FROM registries
INNER JOIN messages ON registries.message_id = messages.id
WHERE registries.message_id = $1
FOR UPDATE OF registries, messages;

-- name: get_tally
SELECT tally FROM registries WHERE message_id = $1;

-- name: get_occasion
SELECT channel, receipt, received_at FROM messages WHERE id = $1;

-- name: find_operations
-- Of each operation the lines of the other registry of the channel that had it last, the last of
-- them first: all of the same account, else one of another. What was withdrawn never came.
SELECT wanted.ord, earlier.*
FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS wanted (operation, account, ord)
CROSS JOIN LATERAL (
    SELECT
        readings.line,
        readings.account,
        coalesce(
            min(readings.first_receipt), min(messages.receipt) || '/' || readings.line
        ) AS receipt,
        array_agg(readings.register ORDER BY readings.register) AS registers,
        array_agg(readings.value ORDER BY readings.register) AS values,
        min(readings.period) AS period,
        min(readings.effective_at) AS effective_at
    FROM readings
    INNER JOIN messages ON readings.message_id = messages.id
    WHERE
        readings.operation = wanted.operation
        AND readings.message_id <> $4
        AND readings.disposition = 'accept'
        AND messages.channel = $1
        AND messages.problem = ''
    GROUP BY readings.account, readings.message_id, readings.line
    ORDER BY
        readings.account = wanted.account DESC,
        readings.message_id DESC,
        CASE WHEN readings.account <> wanted.account THEN readings.line END DESC
    FETCH FIRST 1 ROW WITH TIES
) AS earlier
ORDER BY wanted.ord, earlier.line DESC;

-- name: supersede
UPDATE readings SET counts = FALSE
FROM unnest($1::bigint[], $2::integer[]) AS old (message_id, line)
WHERE readings.counts AND readings.message_id = old.message_id AND readings.line = old.line;

-- name: supersede_registers
UPDATE readings SET counts = FALSE
FROM unnest($1::bigint[], $2::integer[], $3::smallint[]) AS old (message_id, line, register)
WHERE
    readings.counts
    AND readings.message_id = old.message_id
    AND readings.line = old.line
    AND readings.register = old.register;

-- name: advance_registry
WITH kept AS (
    INSERT INTO registry_chunks (message_id, first_line, line_count, raw)
    SELECT message_id, lines + 1, $2, $4 FROM registries WHERE message_id = $1
)

UPDATE registries
SET
    lines = lines + $2,
    read_bytes = read_bytes + $3,
    tally = $5::text::jsonb,
    advanced_at = clock_timestamp(),
    resumed_at = CASE WHEN $6 THEN transaction_timestamp() ELSE resumed_at END,
    resumed_lines = CASE WHEN $6 THEN lines ELSE resumed_lines END,
    resumed_bytes = CASE WHEN $6 THEN read_bytes ELSE resumed_bytes END
WHERE message_id = $1
RETURNING lines, read_bytes;

-- name: count_verdicts
-- Of a line some of whose registers cannot be believed, the gravest verdict stands for it.
SELECT disposition, reason, count(*) AS readings
FROM (
    SELECT DISTINCT ON (line) disposition, reason
    FROM readings
    WHERE message_id = $1
    ORDER BY line, array_position(ARRAY['reject', 'hold', 'accept'], disposition), register
) AS lines
GROUP BY disposition, reason
ORDER BY disposition, reason;

-- name: discount_message
-- Nothing of this message counts any more; what it had replaced counts again: of every account the
-- last whole reading, and registers that came alone after it.
WITH discounted AS (
    UPDATE readings SET counts = FALSE
    WHERE message_id = $1 AND counts
    RETURNING account, period
),

accepted AS (
    SELECT
        readings.message_id,
        readings.line,
        readings.register,
        readings.account,
        readings.period,
        readings.counts,
        readings.effective_at,
        NOT EXISTS (
            SELECT FROM readings AS flaw
            WHERE
                flaw.message_id = readings.message_id
                AND flaw.line = readings.line
                AND flaw.disposition <> 'accept'
        ) AS is_whole
    FROM readings
    INNER JOIN (SELECT DISTINCT account, period FROM discounted) AS affected
        ON readings.account = affected.account AND readings.period = affected.period
    WHERE
        readings.message_id <> $1
        AND readings.disposition = 'accept'
        -- What was withdrawn before counts no more than this.
        AND NOT EXISTS (
            SELECT FROM messages
            WHERE
                messages.id = readings.message_id
                AND messages.kind = 'registry'
                AND messages.state = 'judged'
                AND messages.problem <> ''
        )
),

latest AS (
    SELECT DISTINCT ON (account, period, register) message_id, line, register
    FROM accepted
    WHERE NOT EXISTS (
        SELECT FROM accepted AS later
        WHERE
            later.is_whole
            AND later.account = accepted.account
            AND later.period = accepted.period
            AND (later.effective_at, later.message_id, later.line)
            > (accepted.effective_at, accepted.message_id, accepted.line)
    )
    ORDER BY account, period, register, effective_at DESC, message_id DESC, line DESC
),

cleared AS (
    UPDATE readings SET counts = FALSE
    FROM accepted
    WHERE
        accepted.counts
        AND readings.message_id = accepted.message_id
        AND readings.line = accepted.line
        AND readings.register = accepted.register
        AND NOT EXISTS (
            SELECT FROM latest
            WHERE
                latest.message_id = accepted.message_id
                AND latest.line = accepted.line
                AND latest.register = accepted.register
        )
    RETURNING readings.message_id
)

UPDATE readings SET counts = TRUE
FROM latest
WHERE
    NOT readings.counts
    AND readings.message_id = latest.message_id
    AND readings.line = latest.line
    AND readings.register = latest.register
    AND (SELECT count(*) FROM cleared) >= 0;

-- name: finish_registry
-- What was withdrawn after it had been judged (the file changed meanwhile) must be as new when the
-- same content comes again, complete.
WITH closed AS (
    UPDATE messages
    SET
        state = 'judged', disposition = $2, reason = $3, problem = $4,
        external_id = CASE
            WHEN $5 OR ($4 <> '' AND EXISTS (SELECT FROM readings WHERE message_id = $1))
                THEN external_id || ':withdrawn:' || receipt
            ELSE external_id
        END
    WHERE id = $1
)

UPDATE registries SET finished_at = clock_timestamp() WHERE message_id = $1;

-- name: owe_results
-- As often as it is tried, each address is owed one; the same content again owes none. The reason is
-- one of those for which many mails a day are no loop: a partner may send a file an hour.
INSERT INTO outbox (
    message_id, occasion, channel, receipt, reason, address, subject, in_reply_to,
    reply_references, body
)
SELECT
    messages.id, wanted.occasion - 1, messages.channel, messages.receipt, 'accepted',
    wanted.address, $3, '', '', $4
FROM messages
CROSS JOIN unnest($2::text[]) WITH ORDINALITY AS wanted (address, occasion)
WHERE messages.id = $1
ON CONFLICT ON CONSTRAINT outbox_occasion_key DO NOTHING
RETURNING id;

-- name: list_registries
-- What is not at its end, and the last that are.
SELECT
    messages.receipt, messages.channel, messages.state, messages.received_at, messages.problem,
    messages.disposition, registries.file_name, registries.claim, registries.size,
    registries.lines, registries.read_bytes, registries.decision, registries.tally,
    registries.finished_at, registries.resumed_lines, registries.resumed_bytes,
    extract(EPOCH FROM registries.advanced_at - registries.resumed_at)::float8 AS worked
FROM registries
INNER JOIN messages ON registries.message_id = messages.id
WHERE
    ($1::text IS NULL OR messages.channel = $1)
    AND (
        messages.state = 'open'
        OR messages.id IN (
            SELECT latest.id
            FROM messages AS latest
            WHERE latest.kind = 'registry' AND ($1::text IS NULL OR latest.channel = $1)
            ORDER BY latest.received_at DESC, latest.id DESC
            LIMIT $2
        )
    )
ORDER BY messages.received_at DESC, messages.id DESC;

-- name: list_line_results
-- As in count_verdicts.
SELECT DISTINCT ON (line) line, disposition, reason, first_receipt
FROM readings
WHERE message_id = $1 AND line > $2
ORDER BY line, array_position(ARRAY['reject', 'hold', 'accept'], disposition), register
LIMIT $3;

-- name: claim_replies
-- A lease that ran out was somebody's attempt: how it ended is not known.
WITH due AS (
    SELECT id, state = 'sending' AND has_begun AS is_interrupted
    FROM outbox
    WHERE
        channel = $1
        AND state IN ('due', 'sending')
        AND next_attempt_at <= now()
        AND (state = 'due' OR leased_until <= now())
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
            AND earlier.state IN ('sent', 'uncertain')
            AND earlier.settled_at > now() - interval '1 day'
    ) AS sent_for_reason,
    (
        SELECT count(*) FROM outbox AS earlier
        WHERE
            earlier.address = outbox.address
            AND earlier.state IN ('sent', 'uncertain')
            AND earlier.settled_at > now() - interval '1 day'
            AND earlier.reason IN ('accepted', 'corrected') = (outbox.reason IN ('accepted', 'corrected'))
    ) AS sent_in_all;

-- name: postpone_replies
UPDATE outbox SET next_attempt_at = $2
WHERE channel = $1 AND state = 'due' AND next_attempt_at < $2;

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
    messages.reply <> '' AS has_reply,
    replied.state AS reply_state
FROM messages
LEFT JOIN registries ON messages.id = registries.message_id
CROSS JOIN LATERAL (
    -- The last word on the last reply: a report of the upstream, or how sending it ended. Of one
    -- that was to stand in a response there is no row, only an event where it did not.
    SELECT coalesce(
        (
            SELECT
                coalesce(
                    (
                        SELECT delivery_reports.status FROM delivery_reports
                        WHERE
                            delivery_reports.outbox_id = outbox.id
                            AND delivery_reports.status IN ('delivered', 'undelivered')
                        ORDER BY delivery_reports.id DESC LIMIT 1
                    ),
                    outbox.state
                )
            FROM outbox
            WHERE outbox.message_id = messages.id
            ORDER BY outbox.occasion DESC LIMIT 1
        ),
        (
            SELECT 'suppressed' FROM events
            WHERE events.message_id = messages.id AND events.event = 'reply.suppressed'
            LIMIT 1
        )
    ) AS state
) AS replied
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
    AND (
        $8::text IS NULL
        OR (
            -- First by what few have, so that not every message is asked for its last reply.
            messages.id IN (
                SELECT outbox.message_id FROM outbox WHERE outbox.state = $8
                UNION ALL
                SELECT outbox.message_id FROM outbox
                INNER JOIN delivery_reports ON outbox.id = delivery_reports.outbox_id
                WHERE delivery_reports.status = $8
                UNION ALL
                SELECT events.message_id FROM events
                WHERE events.event = 'reply.suppressed' AND $8 = 'suppressed'
            )
            AND replied.state = $8
        )
    )
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
-- What came back is no longer sent; as with what failed, it counts whenever it was.
WITH undelivered AS (
    SELECT outbox_id FROM (
        SELECT DISTINCT ON (outbox_id) outbox_id, status FROM delivery_reports
        WHERE status IN ('delivered', 'undelivered')
        ORDER BY outbox_id, id DESC
    ) AS latest
    WHERE status = 'undelivered'
),

counted AS (
    SELECT
        outbox.channel,
        outbox.created_at,
        CASE WHEN undelivered.outbox_id IS NULL THEN outbox.state ELSE 'undelivered' END AS state
    FROM outbox
    LEFT JOIN undelivered ON outbox.id = undelivered.outbox_id
    WHERE outbox.state <> 'sent' OR outbox.settled_at >= $1 OR undelivered.outbox_id IS NOT NULL
)

SELECT channel, state, count(*) AS replies, min(created_at) AS oldest_at
FROM counted
GROUP BY channel, state
ORDER BY channel, state;

-- name: list_open_registries
SELECT
    messages.receipt, messages.channel, messages.received_at, registries.file_name,
    registries.size, registries.lines, registries.read_bytes, registries.decision,
    registries.tally, registries.resumed_lines, registries.resumed_bytes,
    extract(EPOCH FROM registries.advanced_at - registries.resumed_at)::float8 AS worked
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

-- name: record_silence
INSERT INTO events (message_id, event, detail)
SELECT id, $2, $3 FROM messages WHERE receipt = $1;

-- name: owe_late_reply
INSERT INTO outbox (
    message_id, occasion, channel, receipt, reason, address, subject, in_reply_to,
    reply_references, body
)
SELECT id, 0, channel, receipt, reason, $3, $4, $5, $6, reply
FROM messages
WHERE channel = $1 AND external_id = $2 AND reply <> ''
ON CONFLICT ON CONSTRAINT outbox_occasion_key DO NOTHING
RETURNING id;

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
-- Only whoever holds the lease of this very attempt may begin it; no row: another took it over.
UPDATE outbox SET has_begun = TRUE, leased_until = now() + $3::interval
WHERE id = $1 AND attempts = $2 AND state = 'sending'
RETURNING id;

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

-- name: lock_series
-- Until the transaction ends: of parts that come at the same time, one sees the others.
SELECT pg_advisory_xact_lock(hashtextextended($1::text || ' ' || $2::text, 0));

-- name: find_part
SELECT id, text, joined_as FROM message_parts WHERE channel = $1 AND external_id = $2;

-- name: list_copies
-- Parts at the same place of the same series, those of a text that was put together lately too:
-- a sender counts its references up and begins anew.
SELECT id, text, joined_as FROM message_parts
WHERE
    channel = $1 AND series = $2 AND number = $3
    AND (joined_as IS NULL OR received_at > $4::timestamptz - interval '1 hour');

-- name: insert_part
INSERT INTO message_parts (channel, external_id, series, number, total, received_at, text, content)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
RETURNING id;

-- name: list_waiting_parts
SELECT * FROM message_parts
WHERE channel = $1 AND series = $2 AND joined_as IS NULL
ORDER BY number;

-- name: list_joined_parts
SELECT * FROM message_parts WHERE channel = $1 AND joined_as = $2 ORDER BY number;

-- name: join_parts
UPDATE message_parts SET joined_as = $2 WHERE id = any($1::bigint[]);

-- name: list_overdue_series
SELECT DISTINCT series FROM message_parts
WHERE channel = $1 AND joined_as IS NULL AND received_at < $2
LIMIT 100;

-- name: list_unsettled_messages
SELECT joined_as FROM message_parts
WHERE channel = $1 AND joined_as IS NOT NULL AND NOT is_settled
GROUP BY joined_as
HAVING max(received_at) < $2
LIMIT 100;

-- name: settle_series
UPDATE message_parts SET is_settled = TRUE
WHERE channel = $1 AND joined_as = $2 AND NOT is_settled;

-- name: owe_first_reply
-- The first answer went out in a response, so that there is no row to go by.
INSERT INTO outbox (
    message_id, occasion, channel, receipt, reason, address, subject, in_reply_to,
    reply_references, body
)
SELECT id, 1, channel, receipt, $2, $4, '', '', '', $3
FROM messages
WHERE id = $1
RETURNING id;

-- name: open_operation
-- Whoever comes first writes the row; everybody else reads it. No row at all comes back when
-- another wrote it while this statement ran: ask again.
WITH opened AS (
    INSERT INTO terminal_operations (
        channel, kind, transaction_id, fingerprint, account, amount, received_at, operated_at,
        external_id, cancels
    )
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
    ON CONFLICT (channel, kind, transaction_id) DO NOTHING
    RETURNING *
)

SELECT * FROM opened
UNION ALL
SELECT * FROM terminal_operations
WHERE channel = $1 AND kind = $2 AND transaction_id = $3;

-- name: settle_operation
-- The first answer stays, whoever writes at the same time; all get that one back.
UPDATE terminal_operations
SET
    receipt = CASE WHEN response IS NULL THEN $2 ELSE receipt END,
    disposition = CASE WHEN response IS NULL THEN $3 ELSE disposition END,
    reason = CASE WHEN response IS NULL THEN $4 ELSE reason END,
    status = coalesce(status, $5),
    content_type = CASE WHEN response IS NULL THEN $6 ELSE content_type END,
    response = coalesce(response, $7)
WHERE number = $1
RETURNING *;

-- name: find_operation
-- By the partner's transaction id, or by our number; of a payment and a submission with one id
-- the first. Two statements in one, each with an index of its own.
SELECT * FROM terminal_operations
WHERE channel = $1 AND kind IN ('pay', 'submit') AND number = $3
UNION ALL
SELECT * FROM terminal_operations
WHERE channel = $1 AND kind IN ('pay', 'submit') AND transaction_id = $2 AND $3::bigint = 0
ORDER BY number LIMIT 1;

-- name: list_payments
SELECT * FROM terminal_operations AS paid
WHERE
    paid.channel = $1
    AND paid.kind = 'pay'
    AND paid.response IS NOT NULL
    AND paid.operated_at >= $2
    AND paid.operated_at < $3
    AND NOT EXISTS (
        SELECT FROM terminal_operations AS cancel
        WHERE cancel.cancels = paid.number AND cancel.response IS NOT NULL
    )
ORDER BY paid.operated_at, paid.number
LIMIT $4;

-- name: list_registers
-- By way of the account: asked for what counts in the latest period, older versions of PostgreSQL
-- may walk through everybody's periods to find that an account has none.
WITH known AS MATERIALIZED (
    SELECT period, register, value, counts FROM readings
    WHERE account = $1
)

SELECT register, value FROM known
WHERE counts AND period = (SELECT max(period) FROM known WHERE counts)
ORDER BY register;

-- name: list_online_readings
-- What came online on a day of the partner's.
SELECT
    messages.id AS message_id,
    terminal_operations.transaction_id,
    readings.account,
    readings.register,
    readings.value,
    readings.disposition,
    readings.reason,
    messages.receipt
FROM terminal_operations
INNER JOIN messages
    ON
        terminal_operations.channel = messages.channel
        AND terminal_operations.external_id = messages.external_id
INNER JOIN readings ON messages.id = readings.message_id
WHERE
    terminal_operations.channel = $1
    AND terminal_operations.operated_at >= $2
    AND terminal_operations.operated_at < $3
    AND readings.value IS NOT NULL
ORDER BY terminal_operations.number, readings.line, readings.register;

-- name: list_registry_readings
-- What a partner's registries have of a day: by the time in the line, or where it has none by when
-- the file came. A file comes within a month of its day.
SELECT
    messages.id AS message_id,
    readings.operation,
    CASE WHEN readings.operation LIKE '@%' THEN '' ELSE coalesce(readings.operation, '') END
        AS transaction_id,
    readings.account,
    readings.register,
    readings.value,
    readings.disposition,
    readings.reason,
    messages.receipt || '/' || readings.line AS receipt
FROM messages
INNER JOIN readings ON messages.id = readings.message_id
WHERE
    messages.channel = $1
    AND messages.kind = 'registry'
    AND messages.problem = ''
    AND messages.received_at >= $2
    AND messages.received_at < $2 + interval '31 days'
    AND readings.value IS NOT NULL
    AND (
        (readings.paid_at >= $2 AND readings.paid_at < $3)
        OR (readings.paid_at IS NULL AND messages.received_at >= $4 AND messages.received_at < $5)
    )
ORDER BY messages.id, readings.line, readings.register;
