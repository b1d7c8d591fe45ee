-- Who was ever granted a role at a scope, for the lists of those who held it at an instant.
create index event_by_target on event (tenant_id, role_id, scope, subject_id)
    where thing_version = 1 and thing_kind in ('assignment', 'activation');
