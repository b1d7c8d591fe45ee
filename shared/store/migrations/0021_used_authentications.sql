-- The sign-ins (auth_time) that served for an activation or an extension of it, where the policy lets
-- each serve once: the key is what keeps two that race from having the same one. A principal is one
-- issuer's one subject, for good, and so stands for both. Writer: activation. Code before this goes
-- on beside it, and knows no policy that asks for it.
create table used_authentication (
    tenant_id uuid not null,
    principal_id uuid not null,
    auth_time timestamptz not null,
    activation_id uuid not null,
    primary key (tenant_id, principal_id, auth_time),
    foreign key (tenant_id, principal_id) references principal (tenant_id, id),
    foreign key (tenant_id, activation_id) references activation (tenant_id, id)
);
create index used_authentication_activation on used_authentication (tenant_id, activation_id);
call wall('used_authentication');
