//! The command line, as clap reads it. The arguments of a noun are in its file in `command`.

use clap::{Args as ClapArgs, Parser, Subcommand};
use uuid::Uuid;

use crate::{
    command::{
        access, activation, alert, approval, audit, change_request, grant, group, policy,
        principal, role, scope, tenant,
    },
    connect::Connection,
    demo,
    error::EXIT_CODES,
    migrate,
    output::Format,
    token, up,
};

/// For `--help`.
const VALUES: &str = "\
Values:
  A role is given by its id or its display name; a principal by its id, its display
  name, its subject, or `me`; where a group may stand as well, that by `group:` and its
  display name. Times are RFC 3339 (2030-01-31T08:00:00Z), durations
  ISO 8601 in days, hours, minutes and seconds (P30D, PT8H, PT1H30M).";

/// Privileged identity management: who may hold which role, who holds it now, and until when.
#[derive(Debug, Parser)]
#[command(name = "pim", version, after_help = format!("{VALUES}\n\n{EXIT_CODES}"))]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// How answers and errors are printed
    #[arg(long, global = true, value_enum, default_value_t = Format::Table,
          help_heading = "Connection and output")]
    pub(crate) output: Format,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Up(up::Up),
    Demo(demo::Demo),
    Token(token::Token),
    Migrate(migrate::Migrate),
    #[command(flatten)]
    Client(ClientCommand),
}

/// What is asked of a server.
#[derive(Debug, Subcommand)]
pub(crate) enum ClientCommand {
    /// Who you are to the server, and what you may do to it and by what
    Whoami,
    /// Roles: what can be held at a scope
    #[command(subcommand, visible_alias = "roles")]
    Role(role::Command),
    /// Principals: who there is
    #[command(subcommand)]
    Principal(principal::Command),
    /// Groups: what has members, who have what the group holds
    #[command(subcommand)]
    Group(group::Command),
    /// Eligibilities: who may activate what
    #[command(subcommand)]
    Eligibility(grant::Command),
    /// Active assignments: who holds what without activation
    #[command(subcommand)]
    Assignment(grant::Command),
    /// Requests of holders to extend or renew what they have
    #[command(subcommand)]
    ChangeRequest(change_request::Command),
    /// Policies: the rules for activating and granting a role
    #[command(subcommand)]
    Policy(policy::Command),
    /// Scopes: where roles are held, and what lies below what
    #[command(subcommand)]
    Scope(scope::Command),
    /// Activate a role that you are eligible for, or several in one call
    Activate(activation::Activate),
    /// Give up an active role, at once
    Deactivate(activation::End),
    /// Hold an active role for longer
    Extend(activation::Extend),
    /// Withdraw an activation that is pending or booked
    Cancel(activation::End),
    /// Take an activation away from whoever has it
    Revoke(activation::Revoke),
    /// List your activations, or everybody's, or show one
    Activations(activation::Activations),
    /// List what waits for your decision, or everybody's approvals, or show one
    Approvals(approval::Approvals),
    /// Say yes to a request, or to several in one call
    Approve(approval::Approve),
    /// Say no to a request, which ends it, or to several in one call
    Deny(approval::Deny),
    /// Who holds what, now
    #[command(subcommand)]
    Access(access::Command),
    /// The log: what happened, to what, by whom
    #[command(subcommand)]
    Audit(audit::Command),
    /// What somebody should look at, and from where on
    #[command(subcommand)]
    Alerts(alert::Command),
    /// Your tenant: its name and plan, and the freeze that stops everything that gains
    #[command(subcommand)]
    Tenant(tenant::Command),
}

/// Options of all writes.
#[derive(Debug, ClapArgs)]
pub(crate) struct WriteOptions {
    /// Names this write: a repeat under the same id gets the first answer [default: a new id]
    #[arg(long, value_name = "UUID")]
    request_id: Option<Uuid>,
    /// Judge and answer as usual, write nothing
    #[arg(long)]
    pub(crate) validate_only: bool,
}

impl WriteOptions {
    /// The id that was given, or a new one.
    pub(crate) fn request_id(&self) -> String {
        self.request_uuid().to_string()
    }

    /// The id that was given, or a new one.
    pub(crate) fn request_uuid(&self) -> Uuid {
        self.request_id.unwrap_or_else(Uuid::new_v4)
    }

    #[cfg(test)]
    pub(crate) fn named(request_id: Uuid) -> Self {
        Self { request_id: Some(request_id), validate_only: false }
    }
}

/// Options of all lists.
#[derive(Debug, Clone, Copy, ClapArgs)]
pub(crate) struct ListOptions {
    /// Stop after this many [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: Option<u32>,
}

/// A reference to a change or incident in another system.
#[derive(Debug, ClapArgs)]
pub(crate) struct TicketOptions {
    /// The ticket's number
    #[arg(long, value_name = "NUMBER", requires = "ticket_system")]
    ticket: Option<String>,
    /// The system that the ticket is in
    #[arg(long, value_name = "SYSTEM", requires = "ticket")]
    ticket_system: Option<String>,
}

impl TicketOptions {
    /// The ticket, if one was given.
    pub(crate) fn into_message(self) -> Option<pim_proto::r#type::v1::Ticket> {
        let (number, system) = self.ticket.zip(self.ticket_system)?;
        Some(pim_proto::r#type::v1::Ticket { number, system })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_length_is_given_once() {
        let parse = |more: &[&str]| {
            Args::try_parse_from(["pim", "activate", "Reader"].iter().chain(more)).is_ok()
        };
        assert!(parse(&["--for", "PT1H"]));
        assert!(parse(&["--until", "2030-01-01T00:00:00Z"]));
        assert!(!parse(&[]));
        assert!(!parse(&["--for", "PT1H", "--until", "2030-01-01T00:00:00Z"]));
        assert!(!parse(&["--for", "1h"]));
        assert!(!parse(&["--until", "tomorrow"]));
        assert!(!parse(&["--for", "PT1H", "--ticket", "CHG1"]));
    }

    #[test]
    fn an_end_is_given_one_way_and_a_request_is_about_one_thing() {
        let parse = |line: &str| Args::try_parse_from(line.split(' ')).is_ok();
        for verb in ["update", "extend"] {
            for kind in ["eligibility", "assignment"] {
                assert!(parse(&format!("pim {kind} {verb} x --end 2030-01-01T00:00:00Z")));
                assert!(parse(&format!("pim {kind} {verb} x --permanent --justification y")));
                assert!(!parse(&format!("pim {kind} {verb} x --permanent --for P1D")));
            }
        }
        assert!(parse("pim eligibility renew x --start 2030-01-01T00:00:00Z --for P30D"));
        assert!(parse("pim change-request create extension --eligibility x"));
        assert!(parse("pim change-request create renewal --assignment x --justification y"));
        assert!(!parse("pim change-request create renewal"));
        assert!(!parse("pim change-request create --eligibility x"));
        assert!(!parse("pim change-request create renewal --assignment x --eligibility y"));
        assert!(parse("pim change-request approve x --for P30D"));
        assert!(parse("pim change-request list --all --scope / --resolved"));
        assert!(!parse("pim change-request list --scope /"));
    }

    #[test]
    fn a_check_asks_one_thing_and_a_role_is_defined_by_options_or_a_file() {
        let parse = |line: &str| Args::try_parse_from(line.split(' ')).is_ok();
        assert!(parse("pim access check --role Reader"));
        assert!(parse("pim access check --action Microsoft.Web/sites/read --scope /"));
        assert!(parse("pim access check --data-action a/b --principal me"));
        assert!(parse("pim access check --group admins --at 2030-01-31T08:00:00Z"));
        assert!(!parse("pim access check --group admins --scope /subscriptions/a"));
        assert!(parse("pim access explain --role Reader --at 2030-01-31T08:00:00Z"));
        assert!(parse("pim access roles --max-staleness PT1S"));
        assert!(!parse("pim access roles --max-staleness PT1S --after x"));
        assert!(!parse("pim access check"));
        assert!(!parse("pim access check --role Reader --action a/b"));
        assert!(parse(
            "pim role create Viewer --action */read --assignable-scope /subscriptions/a"
        ));
        assert!(parse("pim role create --from role.json --catalog entra --privileged"));
        assert!(parse("pim role update Viewer --name Reader --privileged false"));
        assert!(parse("pim role delete Viewer --justification unused"));
        assert!(parse("pim roles permissions Reader"));
        assert!(parse("pim role permissions Reader --data-action a/b"));
        assert!(!parse("pim role permissions Reader --action a/b --data-action a/b"));
    }

    #[test]
    fn global_options_stand_anywhere_and_debug_hides_the_token() {
        let args = Args::try_parse_from(["pim", "role", "list", "--token", "secret"]).unwrap();
        assert!(!format!("{args:?}").contains("secret"));
        let args = Args::try_parse_from(["pim", "--output", "json", "role", "list"]).unwrap();
        assert_eq!(args.output, Format::Json);
    }

    #[test]
    fn help_says_the_exit_codes() {
        let help = Args::command().render_help().to_string();
        assert!(help.contains("Exit codes"), "{help}");
    }
}
