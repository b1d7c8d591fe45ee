select
    pg_current_snapshot()::text as "snapshot!",
    coalesce(
        (select array_agg(id) from principal
         where tenant_id = $1 and kind <> 'group' and id = any($2)), '{}'
    ) as "people!",
    coalesce(
        (select jsonb_object_agg(id, catalog) from role where tenant_id = $1 and id = any($3)), '{}'
    ) as "catalogs!: Json<HashMap<Uuid, String>>",
    coalesce(
        (select jsonb_agg(scope_parents($1, place)) from unnest($4::text[]) place), '[]'
    ) as "parents!: Json<Vec<Parents>>",
    coalesce(
        (select jsonb_agg(to_jsonb(g)) from grounds($1, $2, $3, $4, $5, $6) g), '[]'
    ) as "found!: Json<Vec<Found>>"
