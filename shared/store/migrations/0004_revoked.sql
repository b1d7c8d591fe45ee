-- An activation may also end because an administrator took it away. The old code neither writes
-- nor reads that ending, and the new code writes every ending that was permitted before.
alter table activation drop constraint activation_ending_check;
alter table activation add constraint activation_ending_check check (
    ending in ('denied', 'timed_out', 'canceled', 'void', 'expired', 'deactivated', 'revoked')
);
