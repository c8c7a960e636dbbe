//! Types that do not fit: the context of the other kind, a wrong answer, params without serde, a future that is not `Send`.

use std::rc::Rc;

struct Plain;

#[mission::method]
fn wrong_context(ctx: mission::Context) {} //~ is not the context of a blocking method

#[mission::method]
async fn wrong_blocking_context(ctx: mission::blocking::Context) {} //~ is not the context of an async method

#[mission::method]
async fn wrong_answer() -> u64 { //~ a method cannot return `u64`
    7
}

#[mission::method]
async fn wrong_error() -> Result<(), Plain> { //~ `Plain: std::error::Error` is not satisfied
    Ok(())
}

#[mission::method]
async fn params_without_serde(params: Plain) {} //~ `Plain: serde::Serialize` is not satisfied //~ `Plain: serde::de::DeserializeOwned`

#[mission::method] //~ future cannot be sent between threads safely
async fn not_send() {
    let here = Rc::new(());
    std::future::ready(()).await;
    drop(here);
}

fn main() {}
