//! What a verb knows of its call: whose it is, who calls, what time it is; and the transaction in
//! which it writes.

use std::ops::{Deref, DerefMut};

use chrono::{DateTime, TimeDelta, Utc};
use pim_domain::{
    authority::Caller,
    effective::Instant,
    event::{Actor, Stamp},
    id::TenantId,
    justification,
};
use pim_proto::{
    call::{Answer, Listed, PageRequest, Write},
    field::FieldViolation,
};
use pim_store::{
    Db, Glance, Purpose, Read, Revision, StoreError, Tx,
    idempotency::{self, Key, Known},
    justifications, tenants,
};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};

use crate::{
    auth::{Claims, OperatorIdentity, ServiceIdentity},
    error::Error,
    process::Process,
    rpc::Rpc,
};

/// What the digest of a request is for.
const REQUEST: &str = "request";

/// Who calls.
#[derive(Debug, Clone)]
pub enum Who {
    /// Somebody of the tenant's directory.
    Principal {
        /// Who, with what they may hold.
        caller: Box<Caller>,
        /// What their token says of the sign-in.
        claims: Claims,
    },
    /// A service of this system.
    Service(ServiceIdentity),
    /// Who runs the installation.
    Operator(OperatorIdentity),
}

/// One call, from its credential to its answer.
#[derive(Debug, Clone)]
pub struct Context {
    /// The process that answers.
    pub process: Process,
    /// Whose data it is about: the credential's tenant; for a call between services the one that
    /// it names; the platform's own (nil) for an operator's.
    pub tenant: TenantId,
    /// Who calls.
    pub who: Who,
    /// Which method.
    pub rpc: &'static Rpc,
}

impl Context {
    /// The database.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.process.db
    }

    /// One consistent state of the tenant, to read.
    ///
    /// # Errors
    /// The database cannot serve.
    pub async fn read(&self) -> Result<Read, StoreError> {
        self.db().read(self.tenant).await
    }

    /// The same for lists, as [`Db::browse`].
    ///
    /// # Errors
    /// The database cannot serve.
    pub async fn browse(&self) -> Result<Read, StoreError> {
        self.db().browse(self.tenant).await
    }

    /// A connection to read with, as [`Db::glance`].
    ///
    /// # Errors
    /// The database cannot serve.
    pub async fn glance(&self) -> Result<Glance, StoreError> {
        self.db().glance(self.tenant).await
    }

    /// The principal who calls.
    ///
    /// # Errors
    /// It is a service or an operator, which the authorisation table rules out for a verb that asks.
    pub fn caller(&self) -> Result<&Caller, Error> {
        match &self.who {
            Who::Principal { caller, .. } => Ok(caller),
            Who::Service(_) | Who::Operator(_) => Err(Error::NobodyThere),
        }
    }

    /// The instant of a decision that may widen what somebody holds: not before `newest`, the
    /// newest change among its facts.
    ///
    /// # Errors
    /// The clock is in doubt, or the log is not being sealed.
    pub fn gaining(&self, newest: DateTime<Utc>) -> Result<Stamp, Error> {
        self.process.backlog.gaining()?;
        Ok(self.stamp(self.process.clock.gaining_now(Some(newest))?))
    }

    /// The instant of a decision that only narrows what somebody holds; doubt does not stop it.
    #[must_use]
    pub fn losing(&self, newest: DateTime<Utc>) -> Stamp {
        self.stamp(self.process.clock.losing_now(Some(newest)))
    }

    /// The instant of a reading, as far as it is known: not before `newest`.
    #[must_use]
    pub fn reading(&self, newest: Option<DateTime<Utc>>) -> (DateTime<Utc>, TimeDelta, Instant) {
        let reading = self.process.clock.now();
        let floor = newest.unwrap_or(DateTime::<Utc>::MIN_UTC);
        let now = reading.now.max(floor);
        let instant = Instant {
            earliest: (reading.now - reading.max_error).max(floor),
            latest: (reading.now + reading.max_error).max(floor),
        };
        (now, reading.max_error, instant)
    }

    /// The instant, for what is only shown.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.process.clock.now().now
    }

    fn stamp(&self, now: DateTime<Utc>) -> Stamp {
        Stamp { now, actor: self.actor() }
    }

    pub(crate) fn actor(&self) -> Actor {
        match &self.who {
            Who::Principal { caller, claims } => Actor::Principal {
                id: caller.principal.id,
                issuer: caller.principal.issuer.clone(),
                amr: claims.amr.clone(),
                acr: claims.acr.clone(),
                acrs: claims.acrs.clone(),
                auth_time: claims.auth_time,
            },
            Who::Service(service) => Actor::Service { name: service.name.clone() },
            Who::Operator(operator) => Actor::Operator {
                issuer: operator.issuer.clone(),
                subject: operator.subject.clone(),
            },
        }
    }

    /// Who calls, as one text: page tokens and request ids belong to one caller.
    pub(crate) fn caller_key(&self) -> String {
        match &self.who {
            Who::Principal { caller, .. } => caller.principal.id.to_string(),
            Who::Service(service) => format!("service {}", service.name),
            Who::Operator(OperatorIdentity { issuer, subject, .. }) => {
                format!("operator {issuer} {subject}")
            }
        }
    }

    /// Begins a write and claims its request id, if it has one; a repeat waits here.
    ///
    /// # Errors
    /// The database cannot serve, or another request was made under the request id.
    pub async fn begin<C: Serialize>(
        &self,
        purpose: Purpose,
        write: &Write<C>,
    ) -> Result<Work, Error> {
        let mut tx = self.db().begin(purpose, self.tenant).await?;
        let mut known = None;
        let mut key = None;
        if let (Some(request_id), false) = (write.request_id, write.validate_only) {
            let claimed = Key {
                tenant: self.tenant,
                caller: self.caller_key(),
                method: self.rpc.path,
                request_id,
                digest: self.process.seal.digest(REQUEST, &spelled(&write.command)),
            };
            match idempotency::claim(&mut tx, &claimed).await? {
                Known::Nothing => {}
                Known::Done(answer, as_of) => known = Some((answer, as_of)),
                Known::Other => return Err(Error::RequestIdReused),
            }
            key = Some(claimed);
        }
        Ok(Work { tx, key, known, validate_only: write.validate_only })
    }

    /// Begins a write of a service's own, which needs no request id: it decides again each time.
    ///
    /// # Errors
    /// The database cannot serve.
    pub async fn begin_internal(&self, purpose: Purpose) -> Result<Work, Error> {
        let tx = self.db().begin(purpose, self.tenant).await?;
        Ok(Work { tx, key: None, known: None, validate_only: false })
    }

    /// The first answer, where the request was answered before. To be asked once the caller's
    /// right has been judged.
    ///
    /// # Errors
    /// The database cannot serve.
    pub async fn replay<T: DeserializeOwned>(
        &self,
        work: &mut Work,
    ) -> Result<Option<Answer<T>>, Error> {
        let Some((mut known, as_of)) = work.known.take() else { return Ok(None) };
        justifications::join(work, self.tenant, &mut known).await?;
        let value =
            serde_json::from_value(known).map_err(|error| StoreError::corrupt("answer", error))?;
        let read = self.read().await?;
        Ok(Some(self.answer(value, read.revision(), as_of)))
    }

    /// Makes it so and answers with `value`; only looks where the caller only wanted to know.
    ///
    /// # Errors
    /// It gains something in a tenant in which nothing can be gained. Or the database cannot serve;
    /// whether it is so is then unknown, and the request id tells.
    pub async fn commit<T: Serialize>(
        &self,
        work: Work,
        value: T,
        now: DateTime<Utc>,
    ) -> Result<Answer<T>, Error> {
        let Work { mut tx, key, validate_only, .. } = work;
        if tx.gains() {
            self.may_gain(&mut tx).await?;
        }
        let revision = if validate_only {
            tx.roll_back().await?
        } else {
            if let Some(key) = key {
                let kept = serde_json::to_value(&value)
                    .map_err(|error| StoreError::corrupt("answer", error))?;
                // Who has made a tenant is in it by now; the request is still the caller's.
                tx.enter(key.tenant).await?;
                idempotency::keep(&mut tx, &key, &kept, now).await?;
            }
            tx.commit().await?
        };
        Ok(self.answer(value, &revision, now))
    }

    /// Passes what gains something in the tenant, which stays so until the transaction ends. Asked
    /// last: whoever freezes the tenant waits for it, and must not wait for more. What an operator
    /// makes a tenant with is the operator's to give.
    async fn may_gain(&self, tx: &mut Tx) -> Result<(), Error> {
        if matches!(self.who, Who::Operator { .. }) {
            return Ok(());
        }
        let standing = tenants::standing(tx, self.tenant).await?;
        let standing = standing.ok_or_else(|| StoreError::corrupt("tenant", "there is none"))?;
        Ok(standing.may_gain()?)
    }

    /// `value` as it stood in a state of the database.
    #[must_use]
    pub fn answer<T>(&self, value: T, revision: &Revision, as_of: DateTime<Utc>) -> Answer<T> {
        Answer { value, revision: self.revision(revision), as_of }
    }

    /// A revision as clients see it.
    #[must_use]
    pub fn revision(&self, revision: &Revision) -> String {
        self.process.revision(self.tenant, revision)
    }

    /// Where a page begins, and how many rows to ask for: one more than fit, to know of a next one.
    ///
    /// # Errors
    /// The page token is not of this caller's list with these arguments.
    pub fn page<F: Serialize, C: DeserializeOwned>(
        &self,
        filter: &F,
        page: &PageRequest,
    ) -> Result<(Option<C>, i64), Error> {
        let limit = i64::from(page.size) + 1;
        if page.token.is_empty() {
            return Ok((None, limit));
        }
        let bound = self.bound(filter);
        let bound: Vec<&[u8]> = bound.iter().map(Vec::as_slice).collect();
        self.process
            .seal
            .open("page", &bound, &page.token)
            .and_then(|cursor| serde_json::from_slice(&cursor).ok())
            .map(|cursor| (Some(cursor), limit))
            .ok_or_else(|| {
                let description = "must be from the answer before, with all else as it was";
                let path = "page_token".to_owned();
                Error::Field(FieldViolation { path, description: description.to_owned() })
            })
    }

    /// One page of `rows`, and the token of the next one where there is one.
    pub fn listed<F: Serialize, T, C: Serialize>(
        &self,
        filter: &F,
        page: &PageRequest,
        mut rows: Vec<T>,
        revision: &Revision,
        as_of: DateTime<Utc>,
        cursor: impl Fn(&T) -> C,
    ) -> Listed<T> {
        let size = usize::try_from(page.size).unwrap_or(usize::MAX);
        let more = rows.len() > size;
        rows.truncate(size);
        let next_page_token = match rows.last() {
            Some(last) if more => {
                let cursor = serde_json::to_vec(&cursor(last)).unwrap_or_default();
                let bound = self.bound(filter);
                let bound: Vec<&[u8]> = bound.iter().map(Vec::as_slice).collect();
                self.process.seal.seal("page", &bound, &cursor)
            }
            _ => String::new(),
        };
        Listed { items: rows, next_page_token, revision: self.revision(revision), as_of }
    }

    /// Up to where a reader of a stream has read, as the reader carries it: for this kind of stream,
    /// this tenant, and what was asked.
    ///
    /// # Errors
    /// It has no JSON form.
    pub fn position<T: Serialize>(
        &self,
        stream: &str,
        asked: &[u8],
        position: &T,
    ) -> Result<String, Error> {
        let text = serde_json::to_vec(position);
        let text = text.map_err(|error| StoreError::corrupt("position", error))?;
        Ok(self.process.seal.seal(stream, &[self.tenant.uuid().as_bytes(), asked], &text))
    }

    /// The position that such a reader was given.
    ///
    /// # Errors
    /// It is of another stream, tenant or request, or was never given.
    pub fn open_position<T: DeserializeOwned>(
        &self,
        stream: &str,
        asked: &[u8],
        sealed: &str,
    ) -> Result<T, Error> {
        let tenant = self.tenant.uuid();
        let text = self.process.seal.open(stream, &[tenant.as_bytes(), asked], sealed);
        text.and_then(|text| serde_json::from_slice(&text).ok()).ok_or_else(|| {
            let description = "must be of an answer of this tenant to the same request";
            FieldViolation::new("after_position", description).into()
        })
    }

    /// What a page token belongs to.
    fn bound<F: Serialize>(&self, filter: &F) -> Vec<Vec<u8>> {
        vec![
            self.tenant.uuid().as_bytes().to_vec(),
            self.caller_key().into_bytes(),
            self.rpc.path.as_bytes().to_vec(),
            Sha256::digest(spelled(filter)).to_vec(),
        ]
    }
}

/// What is asked, as parsed: two spellings of one request are one request.
fn spelled<C: Serialize>(command: &C) -> Vec<u8> {
    justification::spelled_out(|| serde_json::to_vec(command).unwrap_or_default())
}

/// A write on its way: dereferences to its transaction.
#[derive(Debug)]
pub struct Work {
    tx: Tx,
    key: Option<Key>,
    known: Option<(serde_json::Value, DateTime<Utc>)>,
    validate_only: bool,
}

impl Work {
    /// Whether nothing is to be written: the caller only wants to know.
    #[must_use]
    pub fn is_dry(&self) -> bool {
        self.validate_only
    }
}

impl Deref for Work {
    type Target = Tx;

    fn deref(&self) -> &Tx {
        &self.tx
    }
}

impl DerefMut for Work {
    fn deref_mut(&mut self) -> &mut Tx {
        &mut self.tx
    }
}

/// What is read belongs to one state of the database.
pub type Reading = Read;
