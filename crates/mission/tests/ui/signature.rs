//! Functions that no task can call.

use mission::Context;

#[mission::method]
async fn generic<T>(params: T) {} //~ a method has no generics

#[mission::method]
async fn borrowed(ctx: Context, name: &str) {} //~ take an owned type, as `String` for `&str`

#[mission::method]
async fn borrowed_context(ctx: &Context) {} //~ by value

#[mission::method]
async fn two_params(
    rows: u64,
    columns: u64, //~ put both into one struct
) {
}

struct Service;

impl Service {
    #[mission::method]
    async fn of_a_type(&self) {} //~ a method is a free function
}

fn main() {}
