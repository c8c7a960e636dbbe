//! The second step, for the function: what each of its arguments is, and that a task can give it.

use proc_macro2::{Ident, Span};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, Error, FnArg, GenericArgument, PathArguments, Result, ReturnType, Type, Visibility};
use syn::{Lifetime, PathSegment, Signature, TypeImplTrait, TypeReference};

use mission_core::{checked_name, limits};

use crate::options::Options;
use crate::parse::Function;

/// A method whose function and options are known to fit.
pub(crate) struct Method {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) ident: Ident,
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) arguments: Vec<Argument>,
    /// The type it returns, for the place of a fault.
    pub(crate) output: Span,
    pub(crate) options: Options,
}

/// Where a method runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An `async fn`, on the runtime.
    Awaiting,
    /// A plain `fn`, on a thread of its own.
    Blocking,
}

/// What a method takes.
pub(crate) enum Argument {
    /// The context of the running task.
    Context(Type),
    /// Shared state: its whole type, and what is inside.
    State { whole: Type, inner: Box<Type> },
    /// The params.
    Params(Type),
}

impl Method {
    /// The type of the params, if it takes any.
    pub(crate) fn params(&self) -> Option<&Type> {
        self.arguments.iter().find_map(|argument| match argument {
            Argument::Params(params) => Some(params),
            _ => None,
        })
    }
}

/// Checks a function against what a method can be.
pub(crate) fn method(options: Options, function: Function) -> Result<Method> {
    let signature = &function.signature;
    check_head(signature)?;
    let name = options.name.clone().unwrap_or_else(|| signature.ident.unraw().to_string());
    checked_name("method", &name, limits::NAME_CHARS_MAX).map_err(|fault| Error::new(signature.ident.span(), fault))?;
    Ok(Method {
        name,
        kind: if signature.asyncness.is_some() { Kind::Awaiting } else { Kind::Blocking },
        arguments: arguments(signature)?,
        output: match &signature.output {
            ReturnType::Default => signature.ident.span(),
            ReturnType::Type(_, output) => output.span(),
        },
        ident: signature.ident.clone(),
        attributes: function.attributes,
        visibility: function.visibility,
        options,
    })
}

fn check_head(signature: &Signature) -> Result<()> {
    if !signature.generics.params.is_empty() {
        let message = "a method has no generics: a task names one function with one type of params";
        return Err(Error::new_spanned(&signature.generics, message));
    }
    if let Some(word) = &signature.unsafety {
        return Err(Error::new_spanned(word, "a method cannot be unsafe: the worker has no proof to give"));
    }
    Ok(())
}

fn arguments(signature: &Signature) -> Result<Vec<Argument>> {
    let mut arguments: Vec<Argument> = Vec::new();
    for input in &signature.inputs {
        let typed = match input {
            FnArg::Typed(typed) => typed,
            FnArg::Receiver(receiver) => {
                let message = "a method is a free function: take what `self` would hold as `State<T>`";
                return Err(Error::new_spanned(receiver, message));
            }
        };
        let argument = argument(&typed.ty)?;
        let is_second = |known: &Argument| std::mem::discriminant(known) == std::mem::discriminant(&argument);
        match &argument {
            Argument::Context(_) if arguments.iter().any(is_second) => {
                return Err(Error::new_spanned(typed, "a method takes one context"));
            }
            Argument::Params(_) if arguments.iter().any(is_second) => {
                let message = "a method takes one argument that is neither `Context` nor `State<T>`, its params: \
                               put both into one struct";
                return Err(Error::new_spanned(typed, message));
            }
            _ => arguments.push(argument),
        }
    }
    Ok(arguments)
}

fn argument(ty: &Type) -> Result<Argument> {
    let last = match ty {
        Type::Path(path) => path.path.segments.last(),
        Type::Reference(reference) => {
            let inner = &reference.elem;
            return match argument(inner) {
                Ok(Argument::Context(_) | Argument::State { .. }) => {
                    Err(Error::new_spanned(ty, "take this by value: it is cheap to clone"))
                }
                _ => Err(borrowed(ty)),
            };
        }
        _ => None,
    };
    match last {
        Some(last) if last.ident == "Context" => Ok(Argument::Context(ty.clone())),
        Some(last) if last.ident == "State" => match only_type(last) {
            Some(inner) => Ok(Argument::State { whole: ty.clone(), inner: Box::new(inner.clone()) }),
            None => Err(Error::new_spanned(ty, "say what is shared, as in `State<Database>`")),
        },
        _ => {
            let mut owned = Owned(Ok(()));
            owned.visit_type(ty);
            owned.0.map(|()| Argument::Params(ty.clone()))
        }
    }
}

fn only_type(segment: &PathSegment) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return None;
    };
    match (arguments.args.first(), arguments.args.len()) {
        (Some(GenericArgument::Type(inner)), 1) => Some(inner),
        _ => None,
    }
}

fn borrowed(place: &impl quote::ToTokens) -> Error {
    Error::new_spanned(
        place,
        "params are read from the task's row and cannot be borrowed: take an owned type, as `String` for `&str`",
    )
}

/// Looks for anything borrowed or unnamed inside the type of the params.
struct Owned(Result<()>);

impl<'ast> Visit<'ast> for Owned {
    fn visit_type_reference(&mut self, reference: &'ast TypeReference) {
        self.0 = Err(borrowed(reference));
    }

    fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
        if lifetime.ident != "static" {
            self.0 = Err(borrowed(lifetime));
        }
    }

    fn visit_type_impl_trait(&mut self, unnamed: &'ast TypeImplTrait) {
        self.0 = Err(Error::new_spanned(unnamed, "name the type of the params: a task must know how to read them"));
        visit::visit_type_impl_trait(self, unnamed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(function: &str) -> Result<Method> {
        method(Options::default(), syn::parse_str(function)?)
    }

    fn kinds_of_arguments(function: &str) -> Vec<&'static str> {
        let kind = |argument: &Argument| match argument {
            Argument::Context(_) => "context",
            Argument::State { .. } => "state",
            Argument::Params(_) => "params",
        };
        checked(function).unwrap().arguments.iter().map(kind).collect()
    }

    #[test]
    fn arguments_are_known_by_their_types_in_any_order() {
        assert_eq!(kinds_of_arguments("async fn a() {}"), [""; 0]);
        assert_eq!(kinds_of_arguments("async fn a(ctx: Context, p: Export) {}"), ["context", "params"]);
        let all =
            "fn a(p: Option<Vec<(u8, String)>>, State(x): mission::State<Db>, s: State<()>, c: blocking::Context) {}";
        assert_eq!(kinds_of_arguments(all), ["params", "state", "state", "context"]);
    }

    #[test]
    fn the_name_is_the_function_s_unless_told_otherwise() {
        assert_eq!(checked("fn r#type() {}").unwrap().name, "type");
        let named = Options { name: Some("my export".into()), ..Options::default() };
        let function = syn::parse_str("fn export() {}").unwrap();
        assert_eq!(method(named, function).unwrap().name, "my export");
        assert!(checked(&format!("fn {}() {{}}", "x".repeat(192))).is_err());
    }

    #[test]
    fn the_function_s_kind_is_where_it_runs() {
        assert_eq!(checked("fn a() {}").unwrap().kind, Kind::Blocking);
        assert_eq!(checked("async fn a() {}").unwrap().kind, Kind::Awaiting);
    }

    #[test]
    fn what_no_task_can_call_is_refused() {
        for (function, words) in [
            ("async fn a<T>(p: T) {}", "no generics"),
            ("async fn a<'a>(p: Export<'a>) {}", "no generics"),
            ("unsafe fn a() {}", "cannot be unsafe"),
            ("async fn a(&self) {}", "free function"),
            ("async fn a(p: &Export) {}", "owned type"),
            ("async fn a(p: Option<&'static str>) {}", "owned type"),
            ("async fn a(p: Export<'_>) {}", "owned type"),
            ("async fn a(p: impl Read) {}", "name the type"),
            ("async fn a(c: &Context) {}", "by value"),
            ("async fn a(s: &State<Db>) {}", "by value"),
            ("async fn a(a: u8, b: u8) {}", "one struct"),
            ("async fn a(a: Context, b: Context) {}", "one context"),
            ("async fn a(s: State) {}", "what is shared"),
        ] {
            let Err(fault) = checked(function) else { panic!("{function} was not refused") };
            assert!(fault.to_string().contains(words), "{function}: {fault}");
        }
    }
}
