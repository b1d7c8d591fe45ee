//! The logins of the services, and what each may do: the documentation of both, from which
//! `pim migrate` grants them. Whose rows a login sees is said by the schema (migration 0016).
//!
//! No login owns anything or changes the schema, and of what happened none deletes. Each table of
//! state has one writer, which may change only the columns that change; a row lock needs the right to
//! change one of them. The log is insert-only for all.

use std::{collections::BTreeMap, fmt};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::StoreError;

use self::scram::Verifier;

mod scram;

/// A login role of Postgres: that of one service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Login {
    /// Of the assignment service.
    Assignment,
    /// Of the activation service.
    Activation,
    /// Of the approval service.
    Approval,
    /// Of the audit service; reads all tenants.
    Audit,
    /// Of the access service; reads all tenants.
    Access,
    /// Of the scheduler; reads all tenants.
    Scheduler,
}

use Login::{Access, Activation, Approval, Assignment, Audit, Scheduler};

impl Login {
    /// Every login.
    pub const ALL: [Self; 6] = [Assignment, Activation, Approval, Audit, Access, Scheduler];

    /// Those that see the rows of all tenants, by a policy that says so. The others see those of the
    /// tenant for which a transaction acts.
    pub const OF_ALL_TENANTS: [Self; 3] = [Audit, Access, Scheduler];

    /// What it is called in Postgres.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Assignment => "pim_assignment",
            Activation => "pim_activation",
            Approval => "pim_approval",
            Audit => "pim_audit",
            Access => "pim_access",
            Scheduler => "pim_scheduler",
        }
    }

    /// The login of the service of that name.
    #[must_use]
    pub fn of_service(service: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|login| login.name().strip_prefix("pim_") == Some(service))
    }
}

/// What the logins may do with a table or a view. What is not said, nobody may.
#[derive(Debug)]
pub struct Rights {
    /// Its name.
    pub table: &'static str,
    /// Who reads it.
    pub reads: &'static [Login],
    /// Who adds rows to it.
    pub inserts: &'static [Login],
    /// Who changes rows in it, or locks them.
    pub updates: &'static [Login],
    /// The columns that they may change.
    pub changing: &'static [&'static str],
    /// Who removes rows from it.
    pub deletes: &'static [Login],
    /// The columns that everybody who adds rows may read of them, where they do not read the table.
    pub returned: &'static [&'static str],
}

const ALL: &[Login] = &Login::ALL;
const AUDIT: &[Login] = &[Audit];

/// A table that nobody writes.
const fn read(table: &'static str, reads: &'static [Login]) -> Rights {
    Rights { table, reads, inserts: &[], updates: &[], changing: &[], deletes: &[], returned: &[] }
}

/// A table with one writer, who adds rows and changes these columns of them.
const fn state(
    table: &'static str,
    reads: &'static [Login],
    writer: &'static [Login],
    changing: &'static [&'static str],
) -> Rights {
    let updates: &[Login] = if changing.is_empty() { &[] } else { writer };
    Rights { table, reads, inserts: writer, updates, changing, deletes: &[], returned: &[] }
}

/// All that anybody may do.
pub const RIGHTS: [Rights; 30] = [
    read("_sqlx_migrations", ALL),
    read("instance", ALL),
    state(
        "tenant",
        &[Assignment, Activation, Approval, Audit, Scheduler],
        &[Assignment],
        &[
            "display_name",
            "plan",
            "freeze_time",
            "frozen_by",
            "consent_time",
            "consent_by",
            "version",
            "update_time",
        ],
    ),
    state(
        "catalog_import",
        &[Assignment, Audit],
        &[Assignment],
        &["catalog_version", "version", "update_time"],
    ),
    state(
        "role",
        ALL,
        &[Assignment],
        &[
            "display_name",
            "privileged",
            "assignable",
            "inherits",
            "permissions",
            "assignable_scopes",
            "deleted_time",
            "deleted_by",
            "version",
            "update_time",
        ],
    ),
    state(
        "principal",
        ALL,
        &[Assignment],
        &["display_name", "enabled_since", "deleted_time", "version", "update_time"],
    ),
    // Written by `record_sign_ins` alone, whoever calls it.
    read("sign_in", &[Assignment, Audit]),
    state("policy", &[Assignment, Activation, Approval, Audit], &[Assignment], &[]),
    state(
        "role_grant",
        ALL,
        &[Assignment],
        &[
            "start_time",
            "end_time",
            "ended_time",
            "ending",
            "granted_by",
            "policy_revision",
            "version",
            "update_time",
        ],
    ),
    state(
        "change_request",
        &[Assignment, Audit, Scheduler],
        &[Assignment],
        &["state", "decider_id", "decision_justification", "outcome_id", "version", "update_time"],
    ),
    state(
        "scope",
        ALL,
        &[Assignment],
        &["parent", "display_name", "delete_time", "version", "update_time"],
    ),
    state("severed", ALL, &[Assignment], &[]),
    state(
        "activation",
        ALL,
        &[Activation],
        &[
            "shortened_duration",
            "state",
            "expire_time",
            "start_time",
            "end_time",
            "truncated",
            "ended_time",
            "ending",
            "void_rules",
            "extension_id",
            "version",
            "update_time",
        ],
    ),
    state("used_authentication", ALL, &[Activation], &[]),
    state("extension", &[Activation, Approval, Audit, Scheduler], &[Activation], &[]),
    state(
        "approval",
        &[Activation, Approval, Audit, Scheduler],
        &[Approval],
        &["shortened_duration", "state", "version", "update_time"],
    ),
    state("decision", &[Activation, Approval, Audit, Scheduler], &[Approval], &["dropped_time"]),
    // Whoever is called asks what the caller holds, and be it to refuse them.
    read("holding", ALL),
    // The log. Its leaves, nodes and checkpoints are written once.
    Rights {
        table: "event",
        reads: &[Audit, Access],
        inserts: ALL,
        updates: &[],
        changing: &[],
        deletes: &[],
        returned: &["xid"],
    },
    // What people wrote, aside from the log: one service erases it.
    Rights { inserts: ALL, deletes: AUDIT, ..read("words", ALL) },
    state("log_leaf", AUDIT, AUDIT, &[]),
    state("log_node", AUDIT, AUDIT, &[]),
    state("log_checkpoint", AUDIT, AUDIT, &[]),
    state("log_head", AUDIT, AUDIT, &["size", "peaks", "signed_size"]),
    // A mark that is taken away again.
    Rights { deletes: AUDIT, ..state("log_stopped", AUDIT, AUDIT, &[]) },
    Rights {
        table: "log_watermark",
        reads: AUDIT,
        inserts: &[],
        updates: AUDIT,
        changing: &["xid"],
        deletes: &[],
        returned: &[],
    },
    // Whoever takes calls of clients that write keeps the answers.
    state(
        "idempotency",
        &[Assignment, Activation, Approval, Audit],
        &[Assignment, Activation, Approval, Audit],
        &[],
    ),
    state(
        "alert",
        AUDIT,
        AUDIT,
        &[
            "state",
            "dismissed_by",
            "dismiss_time",
            "dismiss_justification",
            "resolve_time",
            "version",
            "update_time",
        ],
    ),
    state("alert_setting", AUDIT, AUDIT, &["is_enabled", "parameters", "version", "update_time"]),
    state("alert_scan", AUDIT, AUDIT, &["scan_time"]),
];

/// The passwords of logins, which are never printed. Postgres is told what verifies them alone, so
/// that they are not in its log either.
#[derive(Default)]
pub struct Passwords(BTreeMap<Login, Verifier>);

/// What is wrong with a password.
#[derive(Debug, thiserror::Error)]
#[error("a password must have 1 to {PASSWORD_CHARS_MAX} characters, all of them printable ASCII")]
pub struct BadPassword;

/// Characters of a password, at most.
const PASSWORD_CHARS_MAX: usize = 256;

impl Passwords {
    /// Adds that of a login.
    ///
    /// # Errors
    /// It is empty or too long, or clients might spell it differently.
    pub fn add(&mut self, login: Login, password: &str) -> Result<(), BadPassword> {
        let is_plain = password.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if !is_plain || !(1..=PASSWORD_CHARS_MAX).contains(&password.len()) {
            return Err(BadPassword);
        }
        self.0.insert(login, Verifier::of(password).ok_or(BadPassword)?);
        Ok(())
    }
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Lets each login do what [`RIGHTS`] says, and nothing else, in one transaction.
pub(crate) async fn grant(
    connection: &mut PgConnection,
    passwords: &Passwords,
) -> Result<(), StoreError> {
    let mut tx = connection.begin().await?;
    // Whoever does the same at this moment, in whatever database of the cluster, has been here.
    let schema = sqlx::query_scalar!(
        r#"select quote_ident(current_schema()) as "schema!"
           from pg_advisory_xact_lock(hashtextextended('pim logins', 11))"#
    )
    .fetch_one(&mut *tx)
    .await?;
    sqlx::raw_sql(AssertSqlSafe(statements(&schema, passwords))).execute(&mut *tx).await?;
    Ok(tx.commit().await?)
}

fn statements(schema: &str, passwords: &Passwords) -> String {
    let all = Login::ALL.map(Login::name).join(", ");
    let mut lines = vec![
        format!("revoke create on schema {schema} from public"),
        format!("revoke all on schema {schema} from {all}"),
        format!("grant usage on schema {schema} to {all}"),
        format!("revoke all on all tables in schema {schema} from public, {all}"),
        format!("grant execute on all functions in schema {schema} to {all}"),
    ];
    for rights in &RIGHTS {
        for login in Login::ALL {
            let granted = rights.of(login);
            if !granted.is_empty() {
                let (granted, table) = (granted.join(", "), rights.table);
                lines.push(format!("grant {granted} on {table} to {}", login.name()));
            }
        }
    }
    for (login, verifier) in &passwords.0 {
        lines.push(format!("alter role {} password '{}'", login.name(), verifier.as_str()));
    }
    lines.join(";\n")
}

impl Rights {
    fn of(&self, login: Login) -> Vec<String> {
        let mut granted = Vec::new();
        let (reads, inserts) = (self.reads.contains(&login), self.inserts.contains(&login));
        if reads {
            granted.push("select".to_owned());
        } else if inserts && !self.returned.is_empty() {
            granted.push(format!("select ({})", self.returned.join(", ")));
        }
        if inserts {
            granted.push("insert".to_owned());
        }
        if self.updates.contains(&login) {
            granted.push(format!("update ({})", self.changing.join(", ")));
        }
        if self.deletes.contains(&login) {
            granted.push("delete".to_owned());
        }
        granted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_neither_printed_nor_told() {
        let mut passwords = Passwords::default();
        passwords.add(Audit, "correct horse").unwrap();
        assert_eq!(format!("{passwords:?}"), "{Audit}");
        let told = statements("public", &passwords);
        assert!(told.contains("alter role pim_audit password 'SCRAM-SHA-256$4096:"));
        assert!(!told.contains("correct horse"));
    }

    #[test]
    fn a_password_that_clients_might_spell_differently_is_refused() {
        let mut passwords = Passwords::default();
        for bad in ["", "b\u{fc}cher", "two\nlines", &"x".repeat(257)] {
            assert!(passwords.add(Audit, bad).is_err(), "{bad:?}");
        }
        assert!(passwords.add(Audit, &"x".repeat(256)).is_ok());
    }

    #[test]
    fn a_service_has_the_login_of_its_name() {
        assert_eq!(Login::of_service("audit"), Some(Audit));
        assert_eq!(Login::of_service("system"), None);
    }
}
