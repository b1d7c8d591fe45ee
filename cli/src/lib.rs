//! The command line `pim`: reads arguments, calls the services, prints their answers.
//!
//! One file a noun in `command`, one a resource in `view`. A command resolves names, makes one
//! call, and hands a view to the printer; table and JSON are two renderings of the same view.

mod args;
mod command;
mod connect;
mod demo;
mod development;
mod error;
mod files;
mod migrate;
mod names;
mod output;
mod resolve;
mod seed;
pub mod system;
mod time;
mod token;
mod up;
mod view;

use std::{ffi::OsString, io::Write};

use clap::Parser as _;

use crate::{
    args::{Args, Command},
    connect::Session,
    error::{CliError, EXIT_OK, EXIT_USAGE},
    output::Printer,
};

/// Runs one command line, program name first, and says with which code the process should exit.
pub async fn run<A>(
    args: impl IntoIterator<Item = A>,
    mut out: Box<dyn Write + Send>,
    mut err: Box<dyn Write + Send>,
) -> u8
where
    A: Into<OsString> + Clone,
{
    let args = match Args::try_parse_from(args) {
        Ok(args) => args,
        Err(wrong) => {
            let (out, code) =
                if wrong.use_stderr() { (&mut err, EXIT_USAGE) } else { (&mut out, EXIT_OK) };
            // Nobody is left to tell that the text could not be written.
            let _ = write!(out, "{}", wrong.render());
            return code;
        }
    };
    let mut printer = Printer::new(args.output, out, err);
    match dispatch(args, &mut printer).await {
        Ok(code) => code,
        Err(error) => {
            printer.error(&error);
            error.exit_code()
        }
    }
}

async fn dispatch(args: Args, printer: &mut Printer) -> Result<u8, CliError> {
    let folder = args.connection.data_folder();
    match args.command {
        Command::Up(up) => up::run(up, &folder, printer).await.map(|()| EXIT_OK),
        Command::Migrate(migrate) => migrate::run(migrate, printer).await.map(|()| EXIT_OK),
        Command::Demo(demo) => demo::run(demo, &args.connection, printer).await,
        Command::Token(token) => {
            let caller = args.connection.development_caller()?;
            token::run(token, caller, &folder, printer).map(|()| EXIT_OK)
        }
        Command::Client(command) => {
            let mut session = Session::open(&args.connection, printer)?;
            let answer = command::run(command, &mut session).await;
            answer.map_err(|error| error.of_server(&args.connection.server))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pim_proto::{
        assignment::v1::{
            CreateRoleRequest, CreateRoleResponse, DeleteRoleRequest, DeleteRoleResponse,
            GetRoleRequest, GetRoleResponse, ImportCatalogRequest, ImportCatalogResponse,
            ListRolesRequest, ListRolesResponse, Role, UpdateRoleRequest, UpdateRoleResponse,
            role_service_server::{RoleService, RoleServiceServer},
        },
        r#type::v1::Catalog,
    };
    use std::{
        io,
        sync::{Arc, Mutex},
    };
    use tokio::net::TcpListener;
    use tonic::{Request, Response, Status, transport::server::TcpIncoming};

    /// Knows two roles, a page each, and whoever has the token `secret`.
    struct FakeRoles;

    const ROLES: [(&str, &str); 2] = [
        ("acdd72a7-3385-48ef-bd42-f606fba81ae7", "Reader"),
        ("8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "Owner"),
    ];

    fn role((id, name): (&str, &str)) -> Role {
        let (id, display_name) = (id.to_owned(), name.to_owned());
        Role { id, display_name, catalog: Catalog::Azure.into(), ..Role::default() }
    }

    #[tonic::async_trait]
    impl RoleService for FakeRoles {
        async fn import_catalog(
            &self,
            _: Request<ImportCatalogRequest>,
        ) -> Result<Response<ImportCatalogResponse>, Status> {
            Err(Status::failed_precondition("not today"))
        }

        async fn create_role(
            &self,
            _: Request<CreateRoleRequest>,
        ) -> Result<Response<CreateRoleResponse>, Status> {
            Err(Status::failed_precondition("not today"))
        }

        async fn update_role(
            &self,
            _: Request<UpdateRoleRequest>,
        ) -> Result<Response<UpdateRoleResponse>, Status> {
            Err(Status::failed_precondition("not today"))
        }

        async fn delete_role(
            &self,
            _: Request<DeleteRoleRequest>,
        ) -> Result<Response<DeleteRoleResponse>, Status> {
            Err(Status::failed_precondition("not today"))
        }

        async fn get_role(
            &self,
            request: Request<GetRoleRequest>,
        ) -> Result<Response<GetRoleResponse>, Status> {
            let known = ROLES.into_iter().find(|(id, _)| *id == request.get_ref().role_id);
            let role = known.map(role).ok_or_else(|| Status::not_found("no such role"))?;
            Ok(Response::new(GetRoleResponse { role: Some(role), ..GetRoleResponse::default() }))
        }

        async fn list_roles(
            &self,
            request: Request<ListRolesRequest>,
        ) -> Result<Response<ListRolesResponse>, Status> {
            if request.metadata().get("authorization").is_none_or(|it| it != "Bearer secret") {
                return Err(Status::unauthenticated("who are you?"));
            }
            let page: usize = request.get_ref().page_token.parse().unwrap_or(0);
            let next_page_token = if page == 0 { "1".to_owned() } else { String::new() };
            let (roles, revision) = (vec![role(ROLES[page])], String::new());
            Ok(Response::new(ListRolesResponse { roles, next_page_token, revision }))
        }
    }

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    async fn pim(line: &str) -> (u8, String, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = format!("http://{}", listener.local_addr().unwrap());
        let router =
            tonic::transport::Server::builder().add_service(RoleServiceServer::new(FakeRoles));
        let serving = tokio::spawn(router.serve_with_incoming(TcpIncoming::from(listener)));
        let (out, err) = (Shared::default(), Shared::default());
        let args = ["pim", "--server", &server].into_iter().chain(line.split(' '));
        let code = run(args, Box::new(out.clone()), Box::new(err.clone())).await;
        serving.abort();
        let text = |shared: Shared| String::from_utf8(shared.0.lock().unwrap().clone()).unwrap();
        (code, text(out), text(err))
    }

    #[tokio::test]
    async fn a_list_has_all_pages() {
        let (code, out, err) = pim("--token secret role list").await;
        assert_eq!((code, err.as_str()), (0, ""));
        assert!(out.contains("Reader") && out.contains("Owner"), "{out}");
        let (code, out, err) = pim("--token secret role list --limit 1 --output json").await;
        assert_eq!((code, err.as_str()), (0, "there are more than these 1\n"));
        let roles: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(roles.as_array().unwrap().len(), 1);
        assert_eq!(roles[0]["display_name"], "Reader");
    }

    #[tokio::test]
    async fn a_role_goes_by_its_name() {
        let (code, out, _) = pim("--token secret role show owner").await;
        assert_eq!(code, 0);
        assert!(out.contains(ROLES[1].0), "{out}");
        let (code, out, err) = pim("--token secret role show Nobody").await;
        assert_eq!((code, out.as_str()), (5, ""));
        assert!(err.contains("no role named \"Nobody\""), "{err}");
    }

    #[tokio::test]
    async fn a_refusal_is_printed_and_has_its_exit_code() {
        let (code, out, err) = pim("role list --output json").await;
        assert_eq!((code, out.as_str()), (3, ""));
        let error: serde_json::Value = serde_json::from_str(&err).unwrap();
        assert_eq!(error["error"]["code"], "UNAUTHENTICATED");
        let (code, _, err) = pim("role import azure").await;
        assert_eq!((code, err.as_str()), (4, "error: not today\n"));
        let (code, _, err) = pim("role import nowhere").await;
        assert_eq!(code, 2);
        assert!(err.contains("nowhere"), "{err}");
    }
}
