//! The requests about alerts.

use pim_domain::{
    alert::{Dismiss, Update},
    id::IncidentId,
};
use pim_proto::{
    audit::v1::{
        AlertParameterValue, DismissAlertRequest, GetAlertRequest, GetAlertSettingsRequest,
        ListAlertsRequest, UpdateAlertSettingsRequest,
    },
    call::{AlertFilter, AlertSettingsRef, List, Write},
};

use crate::{
    good::{id, why},
    requests::{Shape, shape},
};

fn kind() -> String {
    "RedundantAssignmentAlert".to_owned()
}

pub(crate) fn alerts() -> Vec<Shape> {
    vec![
        shape::<List<AlertFilter>, _>(ListAlertsRequest {
            kind: kind(),
            state: 1,
            page_size: 7,
            page_token: id(),
        }),
        shape::<IncidentId, _>(GetAlertRequest { alert_id: id() }),
        shape::<Write<Dismiss>, _>(DismissAlertRequest {
            alert_id: id(),
            justification: why(),
            request_id: id(),
            validate_only: true,
        }),
        shape::<AlertSettingsRef, _>(GetAlertSettingsRequest { kind: kind() }),
        shape::<Write<Update>, _>(UpdateAlertSettingsRequest {
            kind: kind(),
            etag: "v0".to_owned(),
            is_enabled: Some(true),
            parameters: vec![AlertParameterValue { name: "days".to_owned(), value: 9 }],
            request_id: id(),
            validate_only: true,
        }),
    ]
}
