//! The program of the chaos: `mission-chaos [SCENARIO…]` runs scenarios; workers and producers are this program again.

use std::process::ExitCode;

use mission_chaos::{Arguments, Outcome, producer, run_all, worker};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["worker", rest @ ..] => worker::play(rest).map(|()| ExitCode::SUCCESS),
        ["producer", rest @ ..] => producer::play(rest).map(|()| ExitCode::SUCCESS),
        rest => scenarios(rest),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("mission-chaos: {error}");
        ExitCode::FAILURE
    })
}

fn scenarios(words: &[&str]) -> Outcome<ExitCode> {
    let arguments = Arguments::parse(words)?;
    // Several threads: the proxy carries on while the main one waits. The main one starts all processes, so that
    // their death signal is bound to a thread that lives as long as the run.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let all_held = runtime.block_on(run_all(&arguments))?;
    Ok(if all_held { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
