//! Very many people and assignments at once, written behind the services' backs: what one of them
//! is like, the others are. The log says nothing of them, so that they are to be there before
//! anybody asks.

use pim_domain::scope::Scope;
use pim_proto::assignment::v1::Assignment;
use sqlx::{Executor as _, PgConnection};
use uuid::Uuid;

use crate::{Person, World};

/// Rows of one statement.
const ROWS: usize = 50_000;

/// An assignment that differs from another in this.
#[derive(Debug, Clone)]
pub struct Copied {
    /// Its id.
    pub id: Uuid,
    /// Who holds it: a principal or a group.
    pub principal: Uuid,
    /// What.
    pub role: Uuid,
    /// Where.
    pub scope: Scope,
}

impl World {
    /// People like `like` under these ids, by which they sign in as well.
    pub async fn copy_person(&self, like: &Person, ids: impl IntoIterator<Item = Uuid>) {
        let mut behind = self.database.connect().await;
        let like: Uuid = like.id.parse().unwrap();
        let mut ids = ids.into_iter();
        loop {
            let some: Vec<Uuid> = ids.by_ref().take(ROWS).collect();
            if some.is_empty() {
                break;
            }
            sqlx::query(
                "insert into principal (tenant_id, id, kind, issuer, subject, display_name,
                     enabled_since, break_glass, version, create_time, update_time)
                 select p.tenant_id, n.id, p.kind, p.issuer, n.id::text, n.id::text,
                     p.enabled_since, false, 1, p.create_time, p.update_time
                 from principal p, unnest($1::uuid[]) n (id) where p.id = $2",
            )
            .bind(some)
            .bind(like)
            .execute(&mut behind)
            .await
            .unwrap();
        }
        analyze(&mut behind).await;
    }

    /// Assignments like `like` in all but what is said.
    pub async fn copy_assignment(
        &self,
        like: &Assignment,
        copies: impl IntoIterator<Item = Copied>,
    ) {
        let mut behind = self.database.connect().await;
        let like: Uuid = like.id.parse().unwrap();
        let mut copies = copies.into_iter();
        loop {
            let some: Vec<Copied> = copies.by_ref().take(ROWS).collect();
            if some.is_empty() {
                break;
            }
            sqlx::query(
                "insert into role_grant (tenant_id, id, kind, principal_id, role_id, scope,
                     start_time, justification, policy_revision, version, create_time, update_time)
                 select g.tenant_id, n.id, g.kind, n.principal, n.role, n.scope, g.start_time,
                     g.justification, g.policy_revision, 1, g.create_time, g.update_time
                 from role_grant g,
                     unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[])
                         n (id, principal, role, scope)
                 where g.id = $5",
            )
            .bind(some.iter().map(|one| one.id).collect::<Vec<_>>())
            .bind(some.iter().map(|one| one.principal).collect::<Vec<_>>())
            .bind(some.iter().map(|one| one.role).collect::<Vec<_>>())
            .bind(some.into_iter().map(|one| String::from(one.scope)).collect::<Vec<_>>())
            .bind(like)
            .execute(&mut behind)
            .await
            .unwrap();
        }
        analyze(&mut behind).await;
    }
}

/// As the database does by itself, only later.
async fn analyze(behind: &mut PgConnection) {
    behind.execute("vacuum analyze principal, role_grant").await.unwrap();
}
