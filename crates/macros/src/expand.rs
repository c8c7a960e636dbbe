//! The third step: what stands beside the function, so that it can be pushed and run.

use mission_core::OnCrash;
use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::Type;
use syn::spanned::Spanned;

use crate::check::{Argument, Kind, Method};

/// The type of the function's name, with what it can do, and its registration.
pub(crate) fn method(method: &Method) -> TokenStream {
    let Method { visibility, ident, name, .. } = method;
    let conditions: Vec<_> = method.attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).collect();
    let about = format!("Makes tasks of the method `{name}`; the function of this name is its code.");
    let task = task(method);
    let made = made(method);
    quote! {
        #(#conditions)*
        #[doc = #about]
        #[allow(non_camel_case_types, dead_code)]
        #visibility struct #ident {}

        #(#conditions)*
        #[allow(dead_code)]
        impl #ident {
            /// The name under which tasks call it.
            #visibility const NAME: &'static str = #name;

            #task

            /// The method itself, to give to a worker by hand.
            #visibility fn method() -> ::mission::Method {
                #made
            }
        }

        #(#conditions)*
        ::mission::__private::inventory::submit! {
            ::mission::__private::Registered(#ident::method)
        }
    }
}

fn task(method: &Method) -> TokenStream {
    let visibility = &method.visibility;
    let task_type = method.options.task_type.iter();
    let made = quote!(::mission::NewTask::new(Self::NAME)#(.task_type(#task_type))*);
    match method.params() {
        None => quote! {
            /// A task for this method.
            #visibility fn task() -> ::mission::NewTask {
                #made
            }
        },
        Some(ty) => {
            let params = quote_spanned!(place(ty)=> .params(&params));
            quote! {
                /// A task for this method with these params.
                #visibility fn task(params: #ty) -> ::mission::NewTask {
                    #made #params
                }
            }
        }
    }
}

fn made(method: &Method) -> TokenStream {
    let ident = &method.ident;
    let lets = method.arguments.iter().enumerate().map(|(n, argument)| argument_from_call(n, argument, method.kind));
    let check = method.params().is_none().then(|| quote!(call.check_params()?;));
    let names = (0..method.arguments.len()).map(local);
    let answer = Span::call_site().located_at(method.output);
    let answer = match method.kind {
        Kind::Awaiting => quote_spanned!(answer=> ::mission::__private::answer(#ident(#(#names),*).await)),
        Kind::Blocking => quote_spanned!(answer=> ::mission::__private::answer(#ident(#(#names),*))),
    };
    let body = quote!({ #(#lets)* #check ::core::mem::drop(call); #answer });
    // At the function's name, so that a future that is not Send is shown there.
    let here = Span::call_site().located_at(ident.span());
    let function = match method.kind {
        Kind::Awaiting => quote_spanned!(here=> awaiting),
        Kind::Blocking => quote_spanned!(here=> blocking),
    };
    let closure = match method.kind {
        Kind::Awaiting => quote!(|call: ::mission::__private::Call| async move #body),
        Kind::Blocking => quote!(|call: ::mission::__private::Call| #body),
    };
    let rules = rules(method);
    quote! {
        ::mission::Method::#function(
            Self::NAME,
            ::core::concat!(::core::file!(), ":", ::core::line!()),
            #closure,
        )
        #rules
    }
}

fn argument_from_call(n: usize, argument: &Argument, kind: Kind) -> TokenStream {
    let local = local(n);
    match (argument, kind) {
        (Argument::Context(ty), Kind::Awaiting) => {
            quote_spanned!(place(ty)=> let #local = <#ty as ::mission::__private::AwaitingContext>::of(&call);)
        }
        (Argument::Context(ty), Kind::Blocking) => {
            quote_spanned!(place(ty)=> let #local = <#ty as ::mission::__private::BlockingContext>::of(&call);)
        }
        (Argument::State { whole, .. }, _) => quote_spanned!(place(whole)=> let #local: #whole = call.state()?;),
        (Argument::Params(ty), _) => quote_spanned!(place(ty)=> let #local = call.params::<#ty>()?;),
    }
}

fn rules(method: &Method) -> TokenStream {
    let options = &method.options;
    let retries = options.retries.iter();
    let span = |span: std::time::Duration| {
        // proof: parse_span takes at most 100 years, which fit into u64 milliseconds.
        let ms = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        quote!(::core::time::Duration::from_millis(#ms))
    };
    let timeout = options.timeout.map(span).into_iter();
    let stall_timeout = options.stall_timeout.map(span).into_iter();
    let keep_files = options.keep_files.map(span).into_iter();
    let on_crash = options.on_crash.iter().map(|on_crash| match on_crash {
        OnCrash::RunAgain => quote!(RunAgain),
        OnCrash::Fail => quote!(Fail),
    });
    let states = method.arguments.iter().filter_map(|argument| match argument {
        Argument::State { inner, .. } => Some(quote_spanned!(place(inner)=> .needs::<#inner>())),
        _ => None,
    });
    let takes = method.params().map(|ty| quote_spanned!(place(ty)=> .takes::<#ty>())).into_iter();
    quote! {
        #(#takes)*
        #(.retries(#retries))*
        #(.timeout(#timeout))*
        #(.stall_timeout(#stall_timeout))*
        #(.keep_files(#keep_files))*
        #(.on_crash(::mission::OnCrash::#on_crash))*
        #(#states)*
    }
}

/// A name that nothing in the user's code can have.
fn local(n: usize) -> Ident {
    format_ident!("argument_{n}", span = Span::mixed_site())
}

/// Where a type stands, while names are looked up as the macro's own.
fn place(ty: &Type) -> Span {
    Span::call_site().located_at(ty.span())
}
