-- The statements on the tables of gammu-smsd (schema version 17), by name. Its times carry no zone:
-- they are the clock on the wall of the machine that smsd runs on.

-- name: list_inbox
SELECT
    "ID" AS id,
    "SenderNumber" AS sender,
    "RecipientID" AS recipient,
    "TextDecoded" AS text,
    "Text" AS raw,
    "UDH" AS header,
    "Coding" AS coding,
    "ReceivingDateTime" AS received_at
FROM inbox
WHERE NOT "Processed"
ORDER BY "ID"
LIMIT $1;

-- name: mark_inbox
UPDATE inbox SET "Processed" = TRUE
WHERE "ID" = any($1::integer[]) AND NOT "Processed";

-- name: send_text
-- smsd sends what is due by its own clock, whatever zone ours is in: it is due since yesterday.
-- A second time the same "CreatorID" sends nothing, be the first still waiting or already sent.
WITH known AS (
    SELECT "ID" AS id FROM outbox WHERE "CreatorID" = $1
    UNION ALL
    SELECT "ID" FROM sentitems WHERE "CreatorID" = $1
),

sent AS (
    INSERT INTO outbox (
        "SendingDateTime", "SendingTimeOut", "DestinationNumber", "Coding", "UDH", "TextDecoded",
        "MultiPart", "DeliveryReport", "CreatorID", "SenderID"
    )
    SELECT
        localtimestamp(0) - interval '1 day', localtimestamp(0) - interval '1 day', $2, $3,
        nullif(($5::text[])[1], ''), ($4::text[])[1], cardinality($4::text[]) > 1, 'yes', $1,
        nullif($6, '')
    WHERE NOT exists(SELECT FROM known)
    RETURNING "ID" AS id
),

further AS (
    INSERT INTO outbox_multipart ("ID", "SequencePosition", "Coding", "UDH", "TextDecoded")
    SELECT sent.id, part.position, $3, part.header, part.text
    FROM sent, unnest($4::text[], $5::text[]) WITH ORDINALITY AS part (text, header, position)
    WHERE part.position > 1
    RETURNING "ID"
)

SELECT id, FALSE AS again FROM sent
UNION ALL
(SELECT id, TRUE FROM known LIMIT 1);

-- name: list_statuses
-- A failure never leaves the outbox in some versions, so both tables are looked at.
SELECT
    "ID" AS id,
    "CreatorID" AS creator,
    "Status" AS status,
    "StatusError" AS error,
    "SequencePosition" AS part,
    extract(EPOCH FROM "UpdatedInDB")::bigint AS position,
    "DeliveryDateTime" AS delivered_at
FROM sentitems
WHERE starts_with("CreatorID", $1) AND extract(EPOCH FROM "UpdatedInDB") >= $2::bigint
UNION ALL
SELECT
    "ID",
    "CreatorID",
    "Status",
    "StatusCode",
    1,
    extract(EPOCH FROM "UpdatedInDB")::bigint,
    NULL
FROM outbox
WHERE
    "Status" = 'Error'
    AND starts_with("CreatorID", $1)
    AND extract(EPOCH FROM "UpdatedInDB") >= $2::bigint
ORDER BY position
LIMIT $3;
