//! Moving the dates of eligibilities and active assignments, which differ by name alone: each call
//! takes and gives what an eligibility's does.

use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use pim_chassis::clock::Clock;
use pim_client::Client;
use pim_proto::assignment::v1::{
    Eligibility, ExtendAssignmentRequest, ExtendEligibilityRequest, RenewAssignmentRequest,
    RenewEligibilityRequest, UpdateAssignmentRequest, UpdateEligibilityRequest,
    extend_assignment_request, extend_eligibility_request, update_assignment_request,
    update_eligibility_request,
};

use super::{
    grant::{End, end_after, print},
    grant_calls::{Kind, as_eligibility},
    note_validation, present,
};
use crate::{
    args::{TicketOptions, WriteOptions},
    connect::Session,
    error::CliError,
    time::{parse_duration, parse_time, timestamp},
};

/// What all of them say.
#[derive(Debug, Args)]
pub(crate) struct Why {
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    justification: String,
    #[command(flatten)]
    ticket: TicketOptions,
    #[command(flatten)]
    write: WriteOptions,
}

/// A new end.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct NewEnd {
    /// Until when
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    end: Option<DateTime<Utc>>,
    /// For how long from now on, or from the start where one is given
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_duration)]
    length: Option<TimeDelta>,
    /// Without end
    #[arg(long)]
    permanent: bool,
}

/// What was given of a new end.
pub(crate) enum Given {
    At(DateTime<Utc>),
    Permanent,
}

impl NewEnd {
    pub(crate) fn given(&self, start: Option<DateTime<Utc>>) -> Result<Option<Given>, CliError> {
        if self.permanent {
            return Ok(Some(Given::Permanent));
        }
        let start = start.unwrap_or_else(|| Clock::disciplined().now().now);
        Ok(end_after(start, self.end, self.length)?.map(Given::At))
    }
}

/// `update`.
#[derive(Debug, Args)]
pub(crate) struct Update {
    /// Its id
    id: String,
    /// From when on; only before it has begun [default: as it is]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    start: Option<DateTime<Utc>>,
    #[command(flatten)]
    end: NewEnd,
    #[command(flatten)]
    why: Why,
}

/// `extend`.
#[derive(Debug, Args)]
pub(crate) struct Extend {
    /// Its id
    id: String,
    #[command(flatten)]
    end: NewEnd,
    #[command(flatten)]
    why: Why,
}

/// `renew`.
#[derive(Debug, Args)]
pub(crate) struct Renew {
    /// The id of the one that has ended
    id: String,
    /// From when on [default: now]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    start: Option<DateTime<Utc>>,
    #[command(flatten)]
    end: End,
    #[command(flatten)]
    why: Why,
}

pub(crate) async fn update(
    kind: Kind,
    command: Update,
    session: &mut Session<'_>,
) -> Result<(), CliError> {
    use update_eligibility_request::End;
    let end = match command.end.given(command.start)? {
        Some(Given::At(end)) => Some(End::EndTime(timestamp(end))),
        Some(Given::Permanent) => Some(End::Permanent(true)),
        None if command.start.is_none() => {
            let text = "give a new --start, or a new end by --end, --for or --permanent";
            return Err(CliError::Usage(text.to_owned()));
        }
        None => None,
    };
    let request = UpdateEligibilityRequest {
        etag: kind.get(&session.client, command.id.clone()).await?.etag,
        eligibility_id: command.id,
        start_time: command.start.map(timestamp),
        end,
        justification: command.why.justification,
        ticket: command.why.ticket.into_message(),
        request_id: command.why.write.request_id(),
        validate_only: command.why.write.validate_only,
    };
    let grant = kind.update(&session.client, request).await?;
    print(grant, session).await?;
    note_validation(session, &command.why.write)
}

pub(crate) async fn extend(
    kind: Kind,
    command: Extend,
    session: &mut Session<'_>,
) -> Result<(), CliError> {
    use extend_eligibility_request::End;
    let end = match command.end.given(None)? {
        Some(Given::At(end)) => End::EndTime(timestamp(end)),
        Some(Given::Permanent) => End::Permanent(true),
        None => {
            let text = "give the new end by --end, --for or --permanent";
            return Err(CliError::Usage(text.to_owned()));
        }
    };
    let request = ExtendEligibilityRequest {
        eligibility_id: command.id,
        end: Some(end),
        justification: command.why.justification,
        ticket: command.why.ticket.into_message(),
        request_id: command.why.write.request_id(),
        validate_only: command.why.write.validate_only,
    };
    let grant = kind.extend(&session.client, request).await?;
    print(grant, session).await?;
    note_validation(session, &command.why.write)
}

pub(crate) async fn renew(
    kind: Kind,
    command: Renew,
    session: &mut Session<'_>,
) -> Result<(), CliError> {
    let start = command.start.unwrap_or_else(|| Clock::disciplined().now().now);
    let request = RenewEligibilityRequest {
        eligibility_id: command.id,
        start_time: command.start.map(timestamp),
        end_time: command.end.time(start)?.map(timestamp),
        justification: command.why.justification,
        ticket: command.why.ticket.into_message(),
        request_id: command.why.write.request_id(),
        validate_only: command.why.write.validate_only,
    };
    let grant = kind.renew(&session.client, request).await?;
    print(grant, session).await?;
    note_validation(session, &command.why.write)
}

impl Kind {
    async fn update(
        self,
        client: &Client,
        request: UpdateEligibilityRequest,
    ) -> Result<Eligibility, CliError> {
        use update_assignment_request::End as Its;
        use update_eligibility_request::End;
        let mut client = client.assignments();
        match self {
            Self::Eligibility => {
                present(client.update_eligibility(request).await?.into_inner().eligibility)
            }
            Self::Assignment => {
                let request = UpdateAssignmentRequest {
                    assignment_id: request.eligibility_id,
                    etag: request.etag,
                    start_time: request.start_time,
                    end: request.end.map(|end| match end {
                        End::EndTime(end) => Its::EndTime(end),
                        End::Permanent(yes) => Its::Permanent(yes),
                    }),
                    justification: request.justification,
                    ticket: request.ticket,
                    request_id: request.request_id,
                    validate_only: request.validate_only,
                };
                let answer = client.update_assignment(request).await?.into_inner();
                Ok(as_eligibility(present(answer.assignment)?))
            }
        }
    }

    async fn extend(
        self,
        client: &Client,
        request: ExtendEligibilityRequest,
    ) -> Result<Eligibility, CliError> {
        use extend_assignment_request::End as Its;
        use extend_eligibility_request::End;
        let mut client = client.assignments();
        match self {
            Self::Eligibility => {
                present(client.extend_eligibility(request).await?.into_inner().eligibility)
            }
            Self::Assignment => {
                let request = ExtendAssignmentRequest {
                    assignment_id: request.eligibility_id,
                    end: request.end.map(|end| match end {
                        End::EndTime(end) => Its::EndTime(end),
                        End::Permanent(yes) => Its::Permanent(yes),
                    }),
                    justification: request.justification,
                    ticket: request.ticket,
                    request_id: request.request_id,
                    validate_only: request.validate_only,
                };
                let answer = client.extend_assignment(request).await?.into_inner();
                Ok(as_eligibility(present(answer.assignment)?))
            }
        }
    }

    async fn renew(
        self,
        client: &Client,
        request: RenewEligibilityRequest,
    ) -> Result<Eligibility, CliError> {
        let mut client = client.assignments();
        match self {
            Self::Eligibility => {
                present(client.renew_eligibility(request).await?.into_inner().eligibility)
            }
            Self::Assignment => {
                let request = RenewAssignmentRequest {
                    assignment_id: request.eligibility_id,
                    start_time: request.start_time,
                    end_time: request.end_time,
                    justification: request.justification,
                    ticket: request.ticket,
                    request_id: request.request_id,
                    validate_only: request.validate_only,
                };
                let answer = client.renew_assignment(request).await?.into_inner();
                Ok(as_eligibility(present(answer.assignment)?))
            }
        }
    }
}
