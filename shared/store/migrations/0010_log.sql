-- The log, sealed: for each tenant a Merkle tree over the bodies of its events (RFC 6962), and
-- signed checkpoints of it. What is sealed never changes. Writer of all: audit.

-- The leaves, in the order in which they were sealed.
create table log_leaf (
    tenant_id uuid not null,
    index bigint not null check (index >= 0),
    event_id uuid not null,
    -- SHA-256 of a zero byte and the event's body.
    hash bytea not null check (length(hash) = 32),
    primary key (tenant_id, index),
    -- No event is sealed twice.
    constraint log_leaf_of_event unique (tenant_id, event_id)
);

-- The nodes above them that are kept: roots of complete subtrees of 256^level leaves.
create table log_node (
    tenant_id uuid not null,
    level smallint not null check (level > 0),
    index bigint not null check (index >= 0),
    hash bytea not null check (length(hash) = 32),
    primary key (tenant_id, level, index)
);

-- What was signed.
create table log_checkpoint (
    tenant_id uuid not null,
    size bigint not null check (size > 0),
    root bytea not null check (length(root) = 32),
    -- The signed note.
    note text not null,
    create_time timestamptz not null default clock_timestamp(),
    primary key (tenant_id, size)
);

-- What appending to a tree needs: its size, and the roots of the complete subtrees that it consists
-- of, from left to right, one behind the other.
create table log_head (
    tenant_id uuid primary key,
    size bigint not null check (size > 0),
    peaks bytea not null check (length(peaks) % 32 = 0)
);

-- All events of transactions below it are sealed. Whoever seals holds its row.
create table log_watermark (
    only_one boolean primary key default true check (only_one),
    xid xid8 not null
);
insert into log_watermark (xid) values ('0');

create trigger log_leaf_is_insert_only before update or delete or truncate on log_leaf
    for each statement execute function event_is_insert_only();
create trigger log_node_is_insert_only before update or delete or truncate on log_node
    for each statement execute function event_is_insert_only();
create trigger log_checkpoint_is_insert_only before update or delete or truncate on log_checkpoint
    for each statement execute function event_is_insert_only();
