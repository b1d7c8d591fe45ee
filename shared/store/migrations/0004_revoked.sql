-- An activation may also end because an administrator took it away. Everything that was permitted
-- still is, so old code goes on; one that still runs cannot show an activation that was revoked.
alter table activation drop constraint activation_ending_check;
alter table activation add constraint activation_ending_check check (
    ending in ('denied', 'timed_out', 'canceled', 'void', 'expired', 'deactivated', 'revoked')
);
