-- When somebody has activated before: read for each activation of the last day.
create index event_activated on event (tenant_id, subject_id, event_time)
    where code = 'pim.activation.activated';
