-- What people write to justify something stands aside and can be erased; the log and the state hold
-- commitments to it. What was written before is not taken along: it is in bodies that were hashed
-- with it, which this version does not read.

-- The words of justifications. Every service adds to it, in the transaction of the event that tells
-- of them; only the audit service deletes from it.
create table words (
    tenant_id uuid not null,
    commitment bytea not null,
    salt bytea not null check (length(salt) = 32),
    text text not null,
    primary key (tenant_id, commitment),
    -- Nobody can put other words in their place.
    constraint words_commitment check (commitment = sha256(salt || convert_to(text, 'UTF8')))
);

create function words_never_change() returns trigger language plpgsql as $$
begin
    raise exception 'words are kept or erased, and never changed';
end
$$;
create trigger words_never_change before update or truncate on words
    for each statement execute function words_never_change();

-- Commitments; empty where nothing was said.
alter table role_grant
    alter column justification type bytea using '',
    add constraint role_grant_justification check (length(justification) in (0, 32));
alter table activation
    alter column justification type bytea using '',
    add constraint activation_justification check (length(justification) in (0, 32));
alter table extension
    alter column justification type bytea using '',
    add constraint extension_justification check (length(justification) in (0, 32));
alter table decision
    alter column justification type bytea using '',
    add constraint decision_justification check (length(justification) in (0, 32));
alter table change_request
    alter column justification type bytea using '',
    alter column decision_justification type bytea
        using case when decision_justification is not null then ''::bytea end,
    add constraint change_request_justification check (
        length(justification) in (0, 32) and length(decision_justification) in (0, 32)
    );
alter table alert
    alter column dismiss_justification type bytea
        using case when dismiss_justification is not null then ''::bytea end,
    add constraint alert_justification check (length(dismiss_justification) in (0, 32));

-- A justification as the services read it: its commitment, and its words as far as they are there.
create function justification(commitment bytea, words text) returns jsonb
    language sql stable as $$
    select case
        when commitment = '' then '""'::jsonb
        when commitment is not null
            then jsonb_build_object('commitment', encode(commitment, 'hex'), 'text', words)
    end
$$;

-- The row of an extension, with its justification so.
create function extension_as_read(one extension) returns jsonb language sql stable as $$
    select to_jsonb(one) || jsonb_build_object('justification', justification(one.justification, (
        select w.text from words w
        where w.tenant_id = one.tenant_id and w.commitment = one.justification
    )))
$$;
