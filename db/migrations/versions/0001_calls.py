"""Calls and what belongs to them, the block list, the directory, the audit."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

STATEMENTS = """
CREATE TABLE calls (
    call_id text COLLATE "C" NOT NULL,
    began_at timestamptz NOT NULL,
    way text,
    channel text,
    trunk text,
    dialled text,
    number bigint,
    number_raw text,
    withheld boolean,
    asserted boolean,
    verdict text,
    verdict_reason text,
    location_source text,
    lat double precision,
    lon double precision,
    uncertainty_m double precision,
    kabupaten text,
    polres text,
    second text,
    ambiguous boolean,
    distance_km double precision,
    plan_reason text,
    plan text[],
    answered_at timestamptz,
    connected_at timestamptz,
    ended_at timestamptz,
    outcome text,
    rung integer,
    unit text,
    desk text,
    ended_by text,
    cause text,
    fault text,
    wait_seconds double precision,
    talk_seconds double precision,
    handed_over text,
    anomalies text[] DEFAULT '{}' NOT NULL,
    CONSTRAINT pk_calls PRIMARY KEY (call_id),
    CONSTRAINT ck_calls_outcome CHECK (
        outcome IN ('connected', 'blocked', 'abandoned', 'unanswered', 'failed')
    )
);
CREATE INDEX ix_calls_anomalous ON calls (began_at) WHERE anomalies <> '{}';
CREATE INDEX ix_calls_began_at ON calls (began_at);
CREATE INDEX ix_calls_number_began_at ON calls (number, began_at);
CREATE INDEX ix_calls_open ON calls (began_at) WHERE outcome IS NULL;
CREATE INDEX ix_calls_outcome_began_at ON calls (outcome, began_at);
CREATE INDEX ix_calls_unit_began_at ON calls (unit, began_at);

CREATE TABLE events (
    call_id text COLLATE "C" NOT NULL,
    writer text NOT NULL,
    seq integer NOT NULL,
    at timestamptz NOT NULL,
    kind text NOT NULL,
    data jsonb NOT NULL,
    stored_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_events PRIMARY KEY (call_id, writer, seq),
    CONSTRAINT fk_events_call_id
        FOREIGN KEY (call_id) REFERENCES calls (call_id) ON DELETE CASCADE
);
CREATE INDEX ix_events_kind_at ON events (kind, at);

CREATE TABLE rungs (
    call_id text COLLATE "C" NOT NULL,
    rung integer NOT NULL,
    unit text,
    name text,
    level text,
    ring_seconds double precision,
    started_at timestamptz,
    ended_at timestamptz,
    ended_reason text,
    CONSTRAINT pk_rungs PRIMARY KEY (call_id, rung),
    CONSTRAINT fk_rungs_call_id
        FOREIGN KEY (call_id) REFERENCES calls (call_id) ON DELETE CASCADE
);
CREATE INDEX ix_rungs_unit_started_at ON rungs (unit, started_at);

CREATE TABLE legs (
    call_id text COLLATE "C" NOT NULL,
    leg text NOT NULL,
    rung integer,
    unit text,
    desk text,
    dialled_at timestamptz,
    ringing_at timestamptz,
    answered_at timestamptz,
    ended_at timestamptz,
    ended_reason text,
    cause text,
    CONSTRAINT pk_legs PRIMARY KEY (call_id, leg),
    CONSTRAINT fk_legs_call_id
        FOREIGN KEY (call_id) REFERENCES calls (call_id) ON DELETE CASCADE
);
CREATE INDEX ix_legs_desk_dialled_at ON legs (desk, dialled_at);

CREATE TABLE recordings (
    call_id text COLLATE "C" NOT NULL,
    name text NOT NULL,
    state text NOT NULL,
    started_at timestamptz,
    finished_at timestamptz,
    file text,
    seconds double precision,
    bytes bigint,
    sha256 text,
    fault text,
    CONSTRAINT pk_recordings PRIMARY KEY (call_id, name),
    CONSTRAINT ck_recordings_state CHECK (state IN ('started', 'finished', 'failed')),
    CONSTRAINT fk_recordings_call_id
        FOREIGN KEY (call_id) REFERENCES calls (call_id) ON DELETE CASCADE
);
CREATE INDEX ix_recordings_failed ON recordings (started_at) WHERE state = 'failed';

CREATE TABLE numbers (
    number bigint NOT NULL,
    first_called_at timestamptz NOT NULL,
    last_called_at timestamptz NOT NULL,
    CONSTRAINT pk_numbers PRIMARY KEY (number)
);
CREATE INDEX ix_numbers_last_called_at ON numbers (last_called_at);

CREATE TABLE blocks (
    id bigint GENERATED ALWAYS AS IDENTITY,
    number bigint NOT NULL,
    reason text NOT NULL,
    made_by text NOT NULL,
    made_at timestamptz DEFAULT now() NOT NULL,
    ends_at timestamptz,
    evidence text[] DEFAULT '{}' NOT NULL,
    lifted_at timestamptz,
    lifted_by text,
    lifted_reason text,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    CONSTRAINT pk_blocks PRIMARY KEY (id),
    CONSTRAINT ck_blocks_number CHECK (number > 0)
);
CREATE INDEX ix_blocks_number_made_at ON blocks (number, made_at);
CREATE INDEX ix_blocks_xid ON blocks (xid);
CREATE UNIQUE INDEX uq_blocks_active ON blocks (number) WHERE lifted_at IS NULL;

CREATE TABLE units (
    code text NOT NULL,
    position integer NOT NULL,
    name text NOT NULL,
    level text NOT NULL,
    parent text,
    connected boolean NOT NULL,
    opened boolean NOT NULL,
    ring_seconds double precision,
    lat double precision,
    lon double precision,
    kabupaten text[] NOT NULL,
    kecamatan text[] NOT NULL,
    CONSTRAINT pk_units PRIMARY KEY (code),
    CONSTRAINT fk_units_parent
        FOREIGN KEY (parent) REFERENCES units (code) DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX ix_units_parent ON units (parent);

CREATE TABLE desks (
    code text NOT NULL,
    position integer NOT NULL,
    unit text NOT NULL,
    contact text,
    password text,
    enabled boolean NOT NULL,
    CONSTRAINT pk_desks PRIMARY KEY (code),
    CONSTRAINT fk_desks_unit
        FOREIGN KEY (unit) REFERENCES units (code) DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX ix_desks_unit ON desks (unit);

CREATE TABLE audit (
    id bigint GENERATED ALWAYS AS IDENTITY,
    at timestamptz DEFAULT now() NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    detail jsonb NOT NULL,
    CONSTRAINT pk_audit PRIMARY KEY (id)
);
CREATE INDEX ix_audit_at ON audit (at);
CREATE INDEX ix_audit_subject_at ON audit (subject, at);
"""


def upgrade() -> None:
    """Make the tables."""
    for statement in STATEMENTS.split(";"):
        if statement.strip():
            op.execute(statement)
