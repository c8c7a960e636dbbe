//! The attribute of Mission: `#[mission::method]` makes a method of a function, in three steps: parse, check, expand.
#![forbid(unsafe_code)]

mod check;
mod expand;
mod options;
mod parse;

use proc_macro::TokenStream;
use quote::quote;

use options::Options;

/// Makes a method of an `async fn`, or of a plain `fn`, which then runs on a thread of its own.
///
/// The function stays as it is. Beside it stands a type of the same name: `export::task(params)` makes a task to push,
/// `export::NAME` is the method's name, `export::method()` registers it by hand. By itself it is registered with every
/// worker of the program.
///
/// The function takes, in any order and each of them optional: a `Context` (a plain `fn`: a `blocking::Context`), any
/// number of `State<T>`, and one argument of any other type: the params. It returns a `Result<T, E>`, or nothing: `T`
/// is any `Serialize` type, `E` any error, `Failure` or `anyhow::Error`.
///
/// | option | meaning | else |
/// |---|---|---|
/// | `name = "…"` | the name under which tasks call it | the function's |
/// | `task_type = "…"` | the type of the tasks that `task()` makes | `system` |
/// | `retries = 3` | retries after an ordinary failure | 0 |
/// | `timeout = "5m"` | longest run of one attempt | none |
/// | `stall_timeout = "30s"` | longest time without progress | none |
/// | `keep_files = "7d"` | how long its result files are kept | as the worker says |
/// | `on_crash = "fail"` | fail when the worker's process died: for work that must never run twice | `"run_again"` |
#[proc_macro_attribute]
pub fn method(options: TokenStream, item: TokenStream) -> TokenStream {
    let options = proc_macro2::TokenStream::from(options);
    let item = proc_macro2::TokenStream::from(item);
    let expanded = match syn::parse2::<parse::Function>(item.clone()) {
        Ok(function) => Options::read(options)
            .and_then(|options| check::method(options, function))
            .map(|method| expand::method(&method)),
        Err(_) => Err(syn::Error::new(proc_macro2::Span::call_site(), "#[mission::method] belongs on a function")),
    };
    // With a fault the item is given back all the same, so that what calls it does not fail as well.
    let beside = expanded.unwrap_or_else(|fault| fault.into_compile_error());
    quote!(#item #beside).into()
}
