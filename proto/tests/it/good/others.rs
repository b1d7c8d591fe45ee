//! The requests of all other packages.

use pim_domain::{
    activation::{Ask, Extend},
    approval::Decide,
    id::{ActivationId, ApprovalId, EventId},
    role_token::Wish,
};
use pim_proto::{
    access::v1::{
        CheckAccessRequest, Consistency, ExplainAccessRequest, GetCallerRequest,
        GetRoleTokenKeysRequest, IssueRoleTokenRequest, ListEffectiveRolesRequest,
        ListRoleHoldersRequest, WatchEffectiveRolesRequest, check_access_request::Question,
        consistency::Requirement, explain_access_request::Question as Explained,
    },
    activation::v1::{
        ActivateRoleRequest, CancelActivationRequest, DeactivateRoleRequest,
        ExpireActivationRequest, ExtendActivationRequest, GetActivationRequest,
        ListActivationsRequest, ResolveActivationRequest, RevokeActivationRequest,
        SearchMyActivationsRequest, StartActivationRequest, VoidActivationRequest,
        activate_role_request::Length, extend_activation_request::Length as Longer,
    },
    approval::v1::{
        ApproveRequest, CancelApprovalRequest, DenyRequest, GetApprovalRequest,
        ListApprovalsRequest, ListPossibleApproversRequest, OpenApprovalRequest,
        SearchMyApprovalsRequest, TimeOutApprovalRequest,
    },
    audit::v1::{
        self, EraseJustificationRequest, ExportEventsRequest, GetCheckpointRequest,
        GetConsistencyProofRequest, GetEventRequest, GetInclusionProofRequest, ListEntriesRequest,
        ListEventsRequest, TailEventsRequest, get_inclusion_proof_request::Entry,
    },
    call::{
        ActivationFilter, ApprovalFilter, Asked, CheckAccess, CheckpointQuery, ConsistencyQuery,
        EndActivation, EntriesFrom, EraseJustification, EventFilter, ExplainAccess, Export,
        GetCaller, GetRoleTokenKeys, HoldersFilter, HoldingsFilter, InclusionQuery, Internal, List,
        ListPossibleApprovers, MineFilter, Tail, Watch, Write,
    },
    scheduler::v1::ListDueRequest,
};
use prost_types::Duration;

use crate::{
    good::{hours, id, scope, second, ticket, why},
    requests::{Shape, shape},
};

pub(crate) fn activations() -> Vec<Shape> {
    vec![
        shape::<Write<Ask>, _>(ActivateRoleRequest {
            role_id: id(),
            scope: scope(),
            eligibility_id: id(),
            start_time: second(1),
            length: hours(1).map(Length::Duration),
            justification: why(),
            ticket: ticket(),
            request_id: id(),
            validate_only: true,
        }),
        shape::<ActivationId, _>(GetActivationRequest { activation_id: id() }),
        shape::<List<ActivationFilter>, _>(ListActivationsRequest {
            principal_id: id(),
            role_id: id(),
            scope: scope(),
            include_ended: true,
            page_size: 7,
            page_token: id(),
        }),
        shape::<List<MineFilter>, _>(SearchMyActivationsRequest {
            include_ended: true,
            page_size: 7,
            page_token: id(),
        }),
        shape::<Write<EndActivation>, _>(DeactivateRoleRequest {
            activation_id: id(),
            justification: why(),
            request_id: id(),
            validate_only: true,
        }),
        shape::<Write<Extend>, _>(ExtendActivationRequest {
            activation_id: id(),
            length: hours(1).map(Longer::Duration),
            justification: why(),
            ticket: ticket(),
            request_id: id(),
            validate_only: true,
        }),
        shape::<Write<EndActivation>, _>(CancelActivationRequest {
            activation_id: id(),
            justification: why(),
            request_id: id(),
            validate_only: true,
        }),
        shape::<Write<EndActivation>, _>(RevokeActivationRequest {
            activation_id: id(),
            justification: why(),
            request_id: id(),
            validate_only: true,
        }),
    ]
}

pub(crate) fn activations_internally() -> Vec<Shape> {
    vec![
        shape::<Internal<ActivationId>, _>(ResolveActivationRequest {
            tenant_id: id(),
            activation_id: id(),
        }),
        shape::<Internal<ActivationId>, _>(StartActivationRequest {
            tenant_id: id(),
            activation_id: id(),
        }),
        shape::<Internal<ActivationId>, _>(ExpireActivationRequest {
            tenant_id: id(),
            activation_id: id(),
        }),
        shape::<Internal<ActivationId>, _>(VoidActivationRequest {
            tenant_id: id(),
            activation_id: id(),
        }),
    ]
}

pub(crate) fn approvals() -> Vec<Shape> {
    vec![
        shape::<ApprovalId, _>(GetApprovalRequest { approval_id: id() }),
        shape::<List<ApprovalFilter>, _>(ListApprovalsRequest {
            scope: scope(),
            include_resolved: true,
            page_size: 7,
            page_token: id(),
        }),
        shape::<List<()>, _>(SearchMyApprovalsRequest { page_size: 7, page_token: id() }),
        shape::<Write<Decide>, _>(ApproveRequest {
            approval_id: id(),
            etag: "a1".to_owned(),
            justification: why(),
            duration: hours(1),
            request_id: id(),
            validate_only: true,
        }),
        shape::<Write<Decide>, _>(DenyRequest {
            approval_id: id(),
            etag: "a1".to_owned(),
            justification: why(),
            request_id: id(),
            validate_only: true,
        }),
        shape::<ListPossibleApprovers, _>(ListPossibleApproversRequest { approval_id: id() }),
        shape::<Internal<ActivationId>, _>(OpenApprovalRequest {
            tenant_id: id(),
            activation_id: id(),
        }),
        shape::<Internal<ApprovalId>, _>(CancelApprovalRequest {
            tenant_id: id(),
            approval_id: id(),
        }),
        shape::<Internal<ApprovalId>, _>(TimeOutApprovalRequest {
            tenant_id: id(),
            approval_id: id(),
        }),
    ]
}

pub(crate) fn audit() -> Vec<Shape> {
    vec![
        shape::<List<EventFilter>, _>(ListEventsRequest {
            filter: filter(),
            page_size: 7,
            page_token: id(),
        }),
        shape::<EventId, _>(GetEventRequest { event_id: id() }),
        shape::<Write<EraseJustification>, _>(EraseJustificationRequest {
            event_id: id(),
            justification: why(),
            request_id: id(),
            validate_only: true,
        }),
        shape::<Tail, _>(TailEventsRequest { filter: filter(), after_position: id() }),
        shape::<Export, _>(ExportEventsRequest {
            filter: filter(),
            format: 1,
            after_position: id(),
        }),
        shape::<CheckpointQuery, _>(GetCheckpointRequest { tree_size: 7 }),
        shape::<InclusionQuery, _>(GetInclusionProofRequest {
            entry: Some(Entry::EventId(id())),
            tree_size: 7,
        }),
        shape::<ConsistencyQuery, _>(GetConsistencyProofRequest {
            old_tree_size: 7,
            new_tree_size: 8,
        }),
        shape::<List<EntriesFrom>, _>(ListEntriesRequest {
            first_index: 7,
            page_size: 7,
            page_token: id(),
        }),
    ]
}

pub(crate) fn fully() -> Option<Consistency> {
    let requirement = Some(Requirement::FullyConsistent(true));
    Some(Consistency { requirement })
}

pub(crate) fn access() -> Vec<Shape> {
    vec![
        shape::<Asked<CheckAccess>, _>(CheckAccessRequest {
            principal_id: id(),
            question: Some(Question::RoleId(id())),
            scope: scope(),
            consistency: fully(),
            at: second(1),
        }),
        shape::<Asked<List<HoldingsFilter>>, _>(ListEffectiveRolesRequest {
            principal_id: id(),
            scope: scope(),
            page_size: 7,
            page_token: id(),
            consistency: fully(),
            at: second(1),
        }),
        shape::<Watch, _>(WatchEffectiveRolesRequest {
            principal_ids: vec![id()],
            after_position: id(),
        }),
        shape::<List<HoldersFilter>, _>(ListRoleHoldersRequest {
            role_id: id(),
            scope: scope(),
            page_size: 7,
            page_token: id(),
            at: second(1),
        }),
        shape::<ExplainAccess, _>(ExplainAccessRequest {
            principal_id: id(),
            question: Some(Explained::RoleId(id())),
            scope: scope(),
            at: second(1),
        }),
        shape::<Asked<Wish>, _>(IssueRoleTokenRequest {
            audience: "https://reader.example".to_owned(),
            scope: scope(),
            lifetime: Some(Duration { seconds: 60, nanos: 0 }),
        }),
        shape::<GetRoleTokenKeys, _>(GetRoleTokenKeysRequest {}),
        shape::<GetCaller, _>(GetCallerRequest {}),
    ]
}

pub(crate) fn scheduler() -> Vec<Shape> {
    vec![shape::<List<()>, _>(ListDueRequest { page_size: 7, page_token: id() })]
}

fn filter() -> Option<v1::EventFilter> {
    Some(v1::EventFilter {
        start_time: second(1),
        end_time: second(2),
        actor_id: id(),
        subject_id: id(),
        role_id: id(),
        scope: scope(),
        code: "pim.activation.denied".to_owned(),
        result: 1,
        correlation_id: id(),
        thing_id: id(),
        category: "RoleManagement".to_owned(),
    })
}
