//! The way of a call from the wire to its verb and back: who calls, may they, what do they ask,
//! do it, answer. Written once, for all RPCs.

use std::{future::Future, net::IpAddr, sync::Arc};

use chrono::{DateTime, Utc};
use pim_domain::{
    authority::{Caller, SignIn},
    condition::Signals,
    denial::{Denial, Reason},
    event::{Event, Stamp},
    id::TenantId,
    principal::Principal,
};
use pim_proto::{
    call::{Internal, Write},
    field::FieldViolation,
};
use pim_store::{Read, callers};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::{
    auth::{Claims, Identity},
    connection::Remote,
    context::{Context, Who},
    error::{Error, reason},
    process::Process,
    rpc::{Guard, Rpc},
};

/// Who a call's credential names, and when it was verified; put into the request by the guard.
#[derive(Debug, Clone)]
pub(crate) struct Credential {
    pub(crate) identity: Arc<Identity>,
    pub(crate) verified: DateTime<Utc>,
}

/// The row of the authorisation table that the guard found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Method(pub(crate) &'static Rpc);

/// A call that reads.
///
/// # Errors
/// As the error table says.
pub async fn read<Req, C, Fut, Out, Res>(
    process: &Process,
    request: Request<Req>,
    verb: impl FnOnce(Context, C) -> Fut,
) -> Result<Response<Res>, Status>
where
    C: TryFrom<Req, Error = FieldViolation>,
    Fut: Future<Output = Result<Out, Error>>,
    Res: From<Out>,
{
    let (context, message) = admit(process, request).await?;
    context.permit()?;
    let command = C::try_from(message).map_err(Error::Field)?;
    let out = verb(context, command).await?;
    Ok(Response::new(out.into()))
}

/// A call that writes, in a task that outlives it: what has begun is finished or taken back, and
/// not left in the middle because a caller went away. A refusal leaves its entry in the log.
///
/// # Errors
/// As the error table says.
pub async fn write<Req, C, Fut, Out, Res>(
    process: &Process,
    request: Request<Req>,
    verb: impl FnOnce(Context, Write<C>) -> Fut,
) -> Result<Response<Res>, Status>
where
    Write<C>: TryFrom<Req, Error = FieldViolation>,
    Fut: Future<Output = Result<Out, Error>> + Send + 'static,
    Out: Send + 'static,
    Res: From<Out>,
{
    let (context, message) = admit(process, request).await?;
    if let Err(error) = context.permit() {
        return Err(context.refused(error).await.into());
    }
    let write = Write::<C>::try_from(message).map_err(Error::Field)?;
    let dry = write.validate_only;
    let work = verb(context.clone(), write);
    let out = finished(context, dry, work).await?;
    Ok(Response::new(out.into()))
}

/// Runs a write to its end. A refusal leaves its entry in the log.
pub(crate) async fn finished<Out: Send + 'static>(
    context: Context,
    dry: bool,
    work: impl Future<Output = Result<Out, Error>> + Send + 'static,
) -> Result<Out, Error> {
    outliving(async move {
        match work.await {
            Err(error) if !dry => Err(context.refused(error).await),
            out => out,
        }
    })
    .await
}

/// A call of another service of this system: it names the tenant, and may be repeated at will.
///
/// # Errors
/// As the error table says.
pub async fn internal<Req, I, Fut, Out, Res>(
    process: &Process,
    request: Request<Req>,
    verb: impl FnOnce(Context, I) -> Fut,
) -> Result<Response<Res>, Status>
where
    Internal<I>: TryFrom<Req, Error = FieldViolation>,
    Fut: Future<Output = Result<Out, Error>> + Send + 'static,
    Out: Send + 'static,
    Res: From<Out>,
{
    let (mut context, message) = admit(process, request).await?;
    if let Err(error) = context.permit() {
        return Err(context.refused(error).await.into());
    }
    let command = Internal::<I>::try_from(message).map_err(Error::Field)?;
    context.tenant = command.tenant;
    let out = outliving(verb(context, command.id)).await?;
    Ok(Response::new(out.into()))
}

/// The first steps of a call whose answer is a stream.
///
/// # Errors
/// As the error table says.
pub async fn open_stream<Req, C>(
    process: &Process,
    request: Request<Req>,
) -> Result<(Context, C), Status>
where
    C: TryFrom<Req, Error = FieldViolation>,
{
    let (context, message) = admit(process, request).await?;
    context.permit()?;
    let command = C::try_from(message).map_err(Error::Field)?;
    Ok((context, command))
}

/// The same of a stream which is itself told of in the log: so is a refusal.
///
/// # Errors
/// As the error table says.
pub async fn open_told_stream<Req, C, Fut, Out>(
    process: &Process,
    request: Request<Req>,
    verb: impl FnOnce(Context, C) -> Fut,
) -> Result<Response<Out>, Status>
where
    C: TryFrom<Req, Error = FieldViolation>,
    Fut: Future<Output = Result<Out, Error>> + Send + 'static,
    Out: Send + 'static,
{
    let (context, message) = admit(process, request).await?;
    if let Err(error) = context.permit() {
        return Err(context.refused(error).await.into());
    }
    let command = C::try_from(message).map_err(Error::Field)?;
    let work = verb(context.clone(), command);
    Ok(Response::new(finished(context, false, work).await?))
}

/// Runs work in a task of its own, which goes on when nobody waits for it any more.
pub(crate) async fn outliving<T: Send + 'static>(
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    use tracing::Instrument as _;
    match tokio::spawn(work.in_current_span()).await {
        Ok(out) => out,
        Err(error) => {
            tracing::error!(%error, "a write was lost");
            Err(Error::Lost)
        }
    }
}

/// Finds out who calls. No caller, no handler.
pub(crate) async fn admit<Req>(
    process: &Process,
    request: Request<Req>,
) -> Result<(Context, Req), Status> {
    let (arrival, message) = Arrival::of(request)?;
    Ok((arrival.context(process).await?, message))
}

/// A call whose credential is good, before anybody has been looked up.
#[derive(Debug)]
pub struct Arrival {
    identity: Arc<Identity>,
    /// When the credential was.
    verified: DateTime<Utc>,
    rpc: &'static Rpc,
    /// The other end of the connection.
    address: Option<IpAddr>,
}

impl Arrival {
    /// A request in its two parts.
    ///
    /// # Errors
    /// It did not come by the guard.
    pub fn of<Req>(request: Request<Req>) -> Result<(Self, Req), Status> {
        let address = request.extensions().get::<Remote>().map(|remote| remote.address);
        let (_, mut extensions, message) = request.into_parts();
        let credential = extensions.remove::<Credential>();
        let method = extensions.remove::<Method>();
        let (Some(Credential { identity, verified }), Some(Method(rpc))) = (credential, method)
        else {
            // The guard lets nothing of the contract pass without both.
            return Err(Status::from(Error::NobodyThere));
        };
        Ok((Self { identity, verified, rpc, address }, message))
    }

    /// Whose tenant it is about, where the credential is of somebody in one.
    #[must_use]
    pub fn tenant(&self) -> Option<TenantId> {
        match &*self.identity {
            Identity::Principal(principal) => Some(principal.tenant.into()),
            Identity::Service(_) | Identity::Operator(_) => None,
        }
    }

    /// The call, by whom the database knows to be behind the credential.
    ///
    /// # Errors
    /// Nobody enabled is, or the database cannot serve.
    pub async fn context(self, process: &Process) -> Result<Context, Error> {
        let who = match &*self.identity {
            Identity::Service(service) => Who::Service(service.clone()),
            Identity::Operator(operator) => Who::Operator(operator.clone()),
            Identity::Principal(principal) => {
                let (tenant, claims) = (principal.tenant.into(), principal.claims.clone());
                let (issuer, subject) = (&principal.issuer, &principal.subject);
                let caller =
                    enabled(process, tenant, issuer, subject, sign_in(&claims, self.address))
                        .await?;
                process.sign_ins.saw(tenant, caller.principal.id, self.verified);
                let who = Who::Principal { caller, claims };
                return Ok(Context { process: process.clone(), tenant, who, rpc: self.rpc });
            }
        };
        let tenant = TenantId::from(Uuid::nil());
        Ok(Context { process: process.clone(), tenant, who, rpc: self.rpc })
    }

    /// The same by whom `find` knows to be behind the credential, by tenant, issuer and subject.
    /// Whom it does not know is for the database to say, by [`Arrival::context`].
    ///
    /// # Errors
    /// Somebody is, who is not enabled.
    pub fn known(
        &self,
        process: &Process,
        find: impl FnOnce(TenantId, &str, &str, SignIn) -> Option<Caller>,
    ) -> Result<Option<Context>, Error> {
        let Identity::Principal(principal) = &*self.identity else { return Ok(None) };
        let (tenant, claims) = (principal.tenant.into(), principal.claims.clone());
        let found =
            find(tenant, &principal.issuer, &principal.subject, sign_in(&claims, self.address));
        let Some(caller) = found.map(Box::new) else { return Ok(None) };
        if !caller.principal.is_enabled() {
            return Err(Error::NobodyThere);
        }
        process.sign_ins.saw(tenant, caller.principal.id, self.verified);
        let who = Who::Principal { caller, claims };
        Ok(Some(Context { process: process.clone(), tenant, who, rpc: self.rpc }))
    }
}

/// How somebody signed in, who calls from there.
fn sign_in(claims: &Claims, address: Option<IpAddr>) -> SignIn {
    SignIn {
        mfa: claims.mfa(),
        time: claims.auth_time,
        contexts: claims.acrs.clone(),
        signals: Signals { address, ..(*claims.signals).clone() },
    }
}

/// Whom an issuer calls so, as they are now.
async fn enabled(
    process: &Process,
    tenant: TenantId,
    issuer: &str,
    subject: &str,
    sign_in: SignIn,
) -> Result<Box<Caller>, Error> {
    // What they hold counts only while they are enabled, by the same statement that reads it.
    let mut read = process.db.glance(tenant).await?;
    there(callers::load(&mut read, tenant, issuer, subject, sign_in).await?)
}

fn there(caller: Option<Caller>) -> Result<Box<Caller>, Error> {
    let caller = caller.filter(|caller| caller.principal.is_enabled());
    Ok(Box::new(caller.ok_or(Error::NobodyThere)?))
}

impl Context {
    /// The same call by whom the caller is now: since it began they may have been disabled, or
    /// have lost what lets them call.
    ///
    /// # Errors
    /// They may not call this any more, or the database cannot serve.
    pub async fn again(&self) -> Result<Self, Error> {
        let who = match &self.who {
            Who::Principal { caller, claims } => {
                let Principal { issuer, subject, .. } = &caller.principal;
                let (tenant, sign_in) = (self.tenant, caller.sign_in.clone());
                let caller = enabled(&self.process, tenant, issuer, subject, sign_in).await?;
                Who::Principal { caller, claims: claims.clone() }
            }
            who @ (Who::Service(_) | Who::Operator(_)) => who.clone(),
        };
        let context = Self { who, ..self.clone() };
        context.permit()?;
        Ok(context)
    }

    /// The same call by whom the caller is in a state of the database.
    ///
    /// # Errors
    /// They are not there or not enabled, or the database cannot serve.
    pub async fn as_in(&self, read: &mut Read) -> Result<Self, Error> {
        let Who::Principal { caller, claims } = &self.who else { return Ok(self.clone()) };
        let Principal { issuer, subject, .. } = &caller.principal;
        let sign_in = caller.sign_in.clone();
        let caller = callers::load(read, self.tenant, issuer, subject, sign_in).await?;
        let who = Who::Principal { caller: there(caller)?, claims: claims.clone() };
        Ok(Self { who, ..self.clone() })
    }

    /// Whether this caller may call this method at all. The verb judges by the object.
    ///
    /// # Errors
    /// They may not.
    pub fn permit(&self) -> Result<(), Error> {
        if self.may_call(self.rpc, self.now()) { Ok(()) } else { Err(Reason::NotPermitted.into()) }
    }

    /// Whether this caller may call that method at all, at `now`.
    #[must_use]
    pub fn may_call(&self, rpc: &Rpc, now: DateTime<Utc>) -> bool {
        match (rpc.guard, &self.who) {
            (Guard::Anyone, Who::Principal { .. } | Who::Service(_) | Who::Operator(_))
            | (Guard::AnyPrincipal, Who::Principal { .. })
            | (Guard::Operator | Guard::ActionOrOperator(_), Who::Operator(_)) => true,
            (
                Guard::Action(action) | Guard::ActionOrOperator(action),
                Who::Principal { caller, .. },
            ) => caller.may_somewhere(action, now),
            (Guard::Services(names), Who::Service(service)) => {
                names.contains(&service.name.as_str())
            }
            (Guard::AnyPrincipal | Guard::Action(_), Who::Service(_) | Who::Operator(_))
            | (Guard::ActionOrOperator(_), Who::Service(_))
            | (Guard::Services(_), Who::Principal { .. } | Who::Operator(_))
            | (Guard::Operator, Who::Principal { .. } | Who::Service(_)) => false,
        }
    }

    /// Leaves a refusal in the log; what cannot be left there is refused all the same.
    pub(crate) async fn refused(&self, error: Error) -> Error {
        if let Error::Denied(denial) = &error
            && let Err(unrecorded) = self.record_refusal(denial).await
        {
            tracing::error!(error = %unrecorded, "a refusal could not be recorded");
        }
        error
    }

    async fn record_refusal(&self, denial: &Denial) -> Result<(), Error> {
        let stamp = Stamp { now: self.process.clock.losing_now(None), actor: self.actor() };
        let kind = (self.rpc.path, reason(denial));
        let event = Event::refusal(&stamp, denial, kind.1, kind.0);
        self.process.refusals.tell(self.db(), self.tenant, kind, event).await?;
        Ok(())
    }
}
