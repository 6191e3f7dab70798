-- The columns of gammu-smsd's tables (schema version 17) that anybody but smsd itself has to do with.
CREATE TABLE inbox (
    "ReceivingDateTime" timestamp(0) NOT NULL DEFAULT localtimestamp(0),
    "Text" text NOT NULL,
    "SenderNumber" varchar(20) NOT NULL DEFAULT '',
    "Coding" varchar(255) NOT NULL DEFAULT 'Default_No_Compression',
    "UDH" text NOT NULL,
    "TextDecoded" text NOT NULL DEFAULT '',
    "ID" serial PRIMARY KEY,
    "RecipientID" text NOT NULL,
    "Processed" boolean NOT NULL DEFAULT FALSE
);

CREATE TABLE outbox (
    "UpdatedInDB" timestamp(0) NOT NULL DEFAULT localtimestamp(0),
    "SendingDateTime" timestamp NOT NULL DEFAULT localtimestamp(0),
    "SendingTimeOut" timestamp(0) NOT NULL DEFAULT localtimestamp(0),
    "DestinationNumber" varchar(20) NOT NULL DEFAULT '',
    "Coding" varchar(255) NOT NULL DEFAULT 'Default_No_Compression',
    "UDH" text,
    "TextDecoded" text NOT NULL DEFAULT '',
    "ID" serial PRIMARY KEY,
    "MultiPart" boolean NOT NULL DEFAULT FALSE,
    "SenderID" varchar(255),
    "DeliveryReport" varchar(10) DEFAULT 'default',
    "CreatorID" text NOT NULL,
    "Status" varchar(255) NOT NULL DEFAULT 'Reserved',
    "StatusCode" integer NOT NULL DEFAULT -1,
    CHECK ("Coding" IN ('Default_No_Compression', 'Unicode_No_Compression', '8bit')),
    CHECK ("DeliveryReport" IN ('default', 'yes', 'no'))
);

CREATE TABLE outbox_multipart (
    "Coding" varchar(255) NOT NULL DEFAULT 'Default_No_Compression',
    "UDH" text,
    "TextDecoded" text,
    "ID" serial,
    "SequencePosition" integer NOT NULL DEFAULT 1,
    PRIMARY KEY ("ID", "SequencePosition")
);

CREATE TABLE sentitems (
    "UpdatedInDB" timestamp(0) NOT NULL DEFAULT localtimestamp(0),
    "DeliveryDateTime" timestamp(0),
    "ID" integer NOT NULL,
    "SequencePosition" integer NOT NULL DEFAULT 1,
    "Status" varchar(255) NOT NULL DEFAULT 'SendingOK',
    "StatusError" integer NOT NULL DEFAULT -1,
    "CreatorID" text NOT NULL,
    PRIMARY KEY ("ID", "SequencePosition")
);
