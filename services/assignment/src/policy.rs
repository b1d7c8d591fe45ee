//! `GetPolicy`, `ListPolicies`, `GetPolicyInForce`, `TestPolicy` and `UpdatePolicy`.

use pim_chassis::{Context, Error};
use pim_domain::{
    authority::{Action, Realm},
    condition::{Circumstances, Condition, Outcome},
    denial::Reason,
    event::ThingKind,
    id::{GroupId, RoleId},
    policy::{self, Facts, Policy, Update},
};
use pim_proto::{
    call::{
        Answer, List, Listed, PolicyFilter, PolicyInForceView, PolicyRef, PolicyTestView,
        TestPolicy, Write,
    },
    field::FieldViolation,
};
use pim_store::{
    Purpose,
    approvers::{self, Approvers},
    groups, policies, roles, scopes,
};

/// What is set at one scope. Everybody of a tenant may know it.
pub(crate) async fn get(context: Context, wish: PolicyRef) -> Result<Answer<Policy>, Error> {
    let answer = get_in_force(context, wish).await?;
    let PolicyInForceView { layers, scope } = answer.value;
    Ok(Answer { value: layers.own(&scope), revision: answer.revision, as_of: answer.as_of })
}

/// The rules in force at a scope. Everybody of a tenant may know them.
pub(crate) async fn get_in_force(
    context: Context,
    wish: PolicyRef,
) -> Result<Answer<PolicyInForceView>, Error> {
    let PolicyRef { role, scope } = wish;
    let mut read = context.read().await?;
    let role = roles::get(&mut read, context.tenant, role).await?.ok_or_else(|| missing(role))?;
    let layers = policies::newest(&mut read, context.tenant, &role, &scope).await?;
    let view = PolicyInForceView { layers, scope };
    Ok(context.answer(view, read.revision(), context.now()))
}

/// What the tenant has set. Everybody of it may know that.
pub(crate) async fn list(
    context: Context,
    list: List<PolicyFilter>,
) -> Result<Listed<Policy>, Error> {
    let List { filter, page } = list;
    let (after, limit) = context.page(&filter, &page)?;
    let mut read = context.browse().await?;
    let PolicyFilter { role, scope } = &filter;
    let rows =
        policies::list(&mut read, context.tenant, *role, scope.as_ref(), after.as_ref(), limit)
            .await?;
    let cursor = |last: &Policy| (last.role, last.scope.clone());
    Ok(context.listed(&filter, &page, rows, read.revision(), context.now(), cursor))
}

/// What conditions would say of an activation. Nothing is told but what everybody may know.
pub(crate) async fn test(
    context: Context,
    wish: TestPolicy,
) -> Result<Answer<PolicyTestView>, Error> {
    let TestPolicy { policy, candidates, .. } = wish;
    let circumstances = Circumstances {
        principal: wish.principal.unwrap_or(context.caller()?.principal.id),
        role: policy.role,
        mfa: wish.mfa,
        contexts: wish.contexts,
        auth_age: wish.auth_age,
        signals: wish.signals,
        time: wish.start.unwrap_or_else(|| context.now()),
        ticket: wish.ticket,
        duration: wish.duration,
    };
    let answer = get_in_force(context, policy).await?;
    let PolicyInForceView { layers, scope } = answer.value;
    let (conditions, given) = match candidates {
        Some(candidates) => (candidates, true),
        None => (layers.at(&scope).conditions, false),
    };
    let result = |condition: Condition| {
        // What is in force has been held against the schema, of then.
        let fault = given.then(|| pim_conditions::check(condition.as_str()).err()).flatten();
        let outcome = match fault {
            Some(fault) => Outcome::Failed(fault.to_string()),
            None => pim_conditions::decide(&condition, &circumstances),
        };
        (condition, outcome)
    };
    let view = PolicyTestView { results: conditions.into_iter().map(result).collect() };
    Ok(Answer { value: view, revision: answer.revision, as_of: answer.as_of })
}

/// Passes conditions that say something, all of what is asked for in them known.
fn sound(conditions: &[Condition]) -> Result<(), FieldViolation> {
    let unsound = conditions.iter().enumerate().find_map(|(index, condition)| {
        let fault = pim_conditions::check(condition.as_str()).err()?;
        let path = format!("rules.conditions.policies[{index}]");
        Some(FieldViolation::new(path, fault.to_string()))
    });
    unsound.map_or(Ok(()), Err)
}

/// Changes rules, all or none, as a new revision.
pub(crate) async fn update(context: Context, wish: Write<Update>) -> Result<Answer<Policy>, Error> {
    let caller = context.caller()?;
    let tenant = context.tenant;
    sound(wish.command.set.conditions.as_deref().unwrap_or_default())?;
    let mut work = context.begin(Purpose::Gain, &wish).await?;
    let Update { role: id, ref scope, .. } = wish.command;
    let Some(role) = roles::get(&mut work, tenant, id).await? else {
        return Err(caller.not_found(Action::PolicyUpdate, missing(id), context.now()).into());
    };
    let realm = Realm::from(role.catalog);
    let at = scopes::lineage(&mut work, tenant, scope).await?;
    caller.authorise(Action::PolicyUpdate, realm, &at, context.now())?;
    if let Some(answer) = context.replay(&mut work).await? {
        return Ok(answer);
    }
    policies::lock_role(&mut work, tenant, id).await?;
    let layers = policies::newest(&mut work, tenant, &role, scope).await?;
    let own = layers.own(scope).set.approval;
    let approval = wish.command.set.approval.as_ref().or(own.as_ref());
    let rules: Vec<policy::ApprovalRule> = approval.cloned().into_iter().collect();
    let named: Vec<GroupId> = rules.iter().flat_map(policy::ApprovalRule::groups).collect();
    let groups = groups::get_all(&mut work, tenant, &named).await?;
    let Approvers { people, belonging } = approvers::of_rules(&mut work, tenant, &rules).await?;
    let known = people.iter().map(|one| one.update_time).chain(layers.newest());
    let known = known.chain(groups.iter().map(|group| group.update_time));
    let known = known.chain(belonging.iter().map(|one| one.update_time));
    let stamp = context.gaining(known.fold(role.update_time, std::cmp::Ord::max))?;
    let facts = Facts { role, layers, people, belonging, groups };
    let change = policy::update(&facts, wish.command, &stamp)?;
    policies::record(&mut work, tenant, &change).await?;
    context.commit(work, change.into_after(), stamp.now).await
}

fn missing(role: RoleId) -> Reason {
    Reason::NotFound { thing: ThingKind::Role, id: role.uuid() }
}
