select
    p.id, p.kind, p.issuer as "issuer!", p.subject as "subject!", p.display_name, p.person_id,
    p.enabled_since, p.break_glass, p.version, p.create_time, p.update_time,
    coalesce(
        (select jsonb_agg(to_jsonb(g)) from grounds($1, array[p.id], $4, null, $5, $6) g), '[]'
    ) as "found!: Json<Vec<Found>>"
from principal p
where p.tenant_id = $1 and p.issuer = $2 and p.subject = $3
