//! `CheckAccess` and `BatchCheckAccess`.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use pim_chassis::{Context, Error};
use pim_domain::{
    authority::{Action, Realm},
    denial::Reason,
    effective::{self, Effective, Ground, Holding},
    event::ThingKind,
    id::{PrincipalId, RoleId},
    permission::{Permissions, permitting},
    role::Role,
    scope::{Lineage, Scope},
};
use pim_proto::call::{AccessView, BatchAnswer, CheckAccess, Question};
use pim_store::{Read, holdings, principals, roles, scopes};
use uuid::Uuid;

/// Does a principal hold or may they do something at a scope, now?
pub(crate) async fn check(context: Context, question: CheckAccess) -> Result<AccessView, Error> {
    let BatchAnswer { mut results, revision, as_of, max_clock_error } =
        check_all(context, vec![question]).await?;
    let effective = results.pop().ok_or(Error::Lost)??;
    Ok(AccessView { effective, revision, as_of, max_clock_error })
}

/// The same of many: as few queries as for one, all of one state of the database.
pub(crate) async fn check_all(
    context: Context,
    questions: Vec<CheckAccess>,
) -> Result<BatchAnswer<Effective, Error>, Error> {
    let mut read = context.db().read().await?;
    let known = Known::load(&context, &mut read, &questions).await?;
    let permitted: Vec<Result<(), Error>> =
        questions.iter().map(|question| known.permit(&context, question)).collect();
    let asked = questions.iter().zip(&permitted).filter(|(_, permitted)| permitted.is_ok());
    let asked: Vec<&CheckAccess> = asked.map(|(question, _)| question).collect();
    let grounds = grounds(&context, &mut read, &asked, &known).await?;
    let holdings = grounds.iter().flat_map(|ground| &ground.holdings);
    let held: BTreeSet<RoleId> = holdings.map(|holding| holding.role).collect();
    let permissions = permissions(&context, &mut read, &asked, held).await?;
    // The instant that it is once all is in hand, so that what is asked at or after an end is
    // answered as ended.
    let newest = grounds.iter().filter_map(Ground::newest).max();
    let (as_of, max_clock_error, instant) = context.reading(newest);
    let of_principal: HashMap<PrincipalId, &Ground> =
        grounds.iter().map(|ground| (ground.principal, ground)).collect();
    let answer = |question: &CheckAccess| {
        let ground = of_principal.get(&question.principal).ok_or(Error::Lost)?;
        let holdings =
            supporting(question, known.lineage(question)?, &ground.holdings, &permissions);
        let ground = Ground { holdings, memberships: ground.memberships.clone(), ..**ground };
        Ok(effective::decision(ground.resolve(), instant))
    };
    let results = questions.iter().zip(permitted);
    let results = results.map(|(question, permitted)| permitted.and_then(|()| answer(question)));
    Ok(BatchAnswer {
        results: results.collect(),
        revision: context.revision(read.revision()),
        as_of,
        max_clock_error,
    })
}

/// The roles and principals that are asked about, as far as there are.
struct Known {
    roles: HashMap<RoleId, Realm>,
    principals: HashSet<PrincipalId>,
    lineages: BTreeMap<Scope, Lineage>,
}

impl Known {
    async fn load(
        context: &Context,
        read: &mut Read,
        questions: &[CheckAccess],
    ) -> Result<Self, Error> {
        let ids: Vec<RoleId> = questions.iter().filter_map(|one| role(&one.question)).collect();
        let catalogs = roles::catalogs(read, context.tenant, &ids).await?;
        let ids: Vec<PrincipalId> = distinct(questions.iter().map(|one| one.principal));
        let people = principals::get_all(read, context.tenant, &ids).await?;
        let scopes = distinct(questions.iter().map(|one| &one.scope));
        Ok(Self {
            lineages: scopes::lineages(read, context.tenant, &scopes).await?,
            roles: catalogs.into_iter().map(|(id, catalog)| (id, catalog.into())).collect(),
            principals: people.into_iter().map(|one| one.id).collect(),
        })
    }

    fn lineage(&self, question: &CheckAccess) -> Result<&Lineage, Error> {
        self.lineages.get(&question.scope).ok_or(Error::Lost)
    }

    /// Passes who may ask this. Of a principal that there is not, who may ask here but may not know
    /// hears what they would of one that holds nothing.
    fn permit(&self, context: &Context, question: &CheckAccess) -> Result<(), Error> {
        let (caller, now) = (context.caller()?, context.now());
        let is_self = question.principal == caller.principal.id;
        let (realm, missing) = match &question.question {
            Question::Operation(operation) => (Some(Realm::from(operation.catalog())), None),
            Question::Role(id) => match self.roles.get(id) {
                Some(realm) => (Some(*realm), None),
                None => (None, Some(Reason::NotFound { thing: ThingKind::Role, id: id.uuid() })),
            },
        };
        if !is_self {
            match realm {
                Some(realm) => {
                    caller.authorise(Action::AccessCheck, realm, self.lineage(question)?, now)?;
                }
                // An unknown role is one to nobody but who may ask everywhere.
                None => drop(caller.catalogs(Action::AccessCheck, &Lineage::root(), now)?),
            }
        }
        if let Some(missing) = missing {
            return Err(missing.into());
        }
        let is_known = is_self || self.principals.contains(&question.principal);
        if !is_known && caller.may_know(Action::AccessCheck, now) {
            let id = question.principal.uuid();
            return Err(Reason::NotFound { thing: ThingKind::Principal, id }.into());
        }
        Ok(())
    }
}

fn role(question: &Question) -> Option<RoleId> {
    match question {
        Question::Role(id) => Some(*id),
        Question::Operation(_) => None,
    }
}

fn distinct<T: Ord>(all: impl Iterator<Item = T>) -> Vec<T> {
    all.collect::<BTreeSet<T>>().into_iter().collect()
}

/// All that may carry an answer to any of these.
async fn grounds(
    context: &Context,
    read: &mut Read,
    questions: &[&CheckAccess],
    known: &Known,
) -> Result<Vec<Ground>, Error> {
    let principals = distinct(questions.iter().map(|one| one.principal));
    let at: Vec<Lineage> =
        questions.iter().map(|one| known.lineage(one).cloned()).collect::<Result<_, _>>()?;
    // Of any role, where one asks for permissions.
    let roles: Option<Vec<Uuid>> =
        questions.iter().map(|one| role(&one.question).map(RoleId::uuid)).collect();
    let roles = roles.as_deref();
    let tenant = context.tenant;
    Ok(holdings::of_principals(read, tenant, &principals, roles, Some(&at)).await?)
}

/// What the roles that are held permit, where that is asked for.
async fn permissions(
    context: &Context,
    read: &mut Read,
    questions: &[&CheckAccess],
    held: BTreeSet<RoleId>,
) -> Result<HashMap<RoleId, Permissions>, Error> {
    if questions.iter().all(|one| role(&one.question).is_some()) {
        return Ok(HashMap::new());
    }
    let ids: Vec<RoleId> = held.iter().copied().collect();
    let known: Vec<Role> = roles::with_inherited(read, context.tenant, &ids).await?;
    let held = known.iter().filter(|role| held.contains(&role.id));
    Ok(held.map(|role| (role.id, Permissions::of(role, &known))).collect())
}

/// Those of a principal's holdings that would carry a yes to this question if they count.
fn supporting(
    question: &CheckAccess,
    at: &Lineage,
    holdings: &[Holding],
    permissions: &HashMap<RoleId, Permissions>,
) -> Vec<Holding> {
    let here = holdings.iter().filter(|holding| at.is_below(&holding.scope));
    match &question.question {
        Question::Role(id) => here.filter(|holding| holding.role == *id).cloned().collect(),
        Question::Operation(operation) => {
            permitting(here.cloned().collect(), permissions, operation)
        }
    }
}
