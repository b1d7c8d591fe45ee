//! The assignment service as a process of its own.

fn main() -> std::process::ExitCode {
    pim_chassis::process::boot(pim_assignment::SERVICE)
}
