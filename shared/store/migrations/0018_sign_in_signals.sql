-- What was known of the sign-in of a request beside its time and contexts: conditions are judged
-- again by it. As JSON, because it is read as a whole and by the rules alone. The default stays:
-- programs from before do not name the column, and know of nothing to put into it.
alter table activation
    add column signals jsonb not null default '{}',
    add constraint activation_signals check (jsonb_typeof(signals) = 'object');
alter table extension
    add column signals jsonb not null default '{}',
    add constraint extension_signals check (jsonb_typeof(signals) = 'object');
