//! The access service as a process of its own.

fn main() -> std::process::ExitCode {
    pim_chassis::process::boot_with_role_tokens(pim_access::SERVICE)
}
