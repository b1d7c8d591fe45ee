-- Who gives somebody more of a membership answers for it from then on, as who made it did: the
-- assignment service may change that column from this version on. Old code goes on beside it.

comment on column role_grant.granted_by is
    'Who made it; of access to a group, whoever gave more of it since.';
