//! Compiles the parts `models` and `tokenizers`.

use std::collections::BTreeMap;

use tollgate_config::{Path, Step};
use tollgate_names::{Entries, Resolver, ResolverBuilder};
use tollgate_route::{RawRoute, RawRouter, Router};
use tollgate_tokens::{AskUsage, Catalog, RawAliases, RawMargins, RawTokenizer};

use crate::compile::{Findings, in_document};
use crate::models::{RawModel, RawModels, has_routes};

/// Validated names of models.
pub(super) struct CompiledModels {
    /// Aliases with their final models.
    pub(super) aliases: RawAliases,
    /// Valid routes by model.
    pub(super) routes: BTreeMap<String, RawRoute>,
    /// Router, if any model has a route.
    pub(super) router: Option<Router>,
    /// See [`CompiledPolicy::upstream_models`](crate::CompiledPolicy::upstream_models).
    pub(super) upstream_models: Resolver<String>,
    /// See [`CompiledPolicy::model_providers`](crate::CompiledPolicy::model_providers).
    pub(super) model_providers: Resolver<String>,
    /// Labels by model.
    pub(super) labels: Resolver<Vec<String>>,
    /// Requests for usage by model.
    pub(super) usage: Resolver<AskUsage>,
}

pub(super) fn compile(models: &RawModels, findings: &mut Findings) -> CompiledModels {
    let mut names = ResolverBuilder::default();
    for (name, model) in &models.0 {
        if let Err(error) = names.insert(name, model) {
            findings.add(crate::Finding::error("invalid-value", path(name), error.problem()).at_key());
        }
    }
    // Aliases are values here too: an alias may have a route of its own.
    let names = names.build();
    debug_assert!(names.is_ok());
    let names = names.unwrap_or_default();
    let mut aliases = BTreeMap::new();
    for (name, model) in &models.0 {
        if model.alias_of.is_some() {
            aliases.insert(name.clone(), resolved(name, model, models).to_owned());
        }
    }
    let routes = routes(models, &names, &aliases, findings);
    let router = has_routes(models).then(|| Router::new(RawRouter { models: Entries(routes.clone()), default: None }));
    let upstream_models = match router {
        Some(_) => Resolver::default(),
        None => by_model(models, &names, &aliases, |entry| entry.upstream_model()),
    };
    let model_providers = by_model(models, &names, &aliases, |entry| entry.field(|model| model.provider.as_ref()));
    // Every entry is included: one without labels has none, also if a wildcard with labels matches its name.
    let labels = |entry: &Entry<'_>| Some(entry.field(|model| model.labels.as_ref()).unwrap_or_default());
    let labels = by_model(models, &names, &aliases, labels);
    let usage = by_model(models, &names, &aliases, |entry| entry.field(|model| model.usage.as_ref()));
    CompiledModels {
        aliases: Entries(aliases),
        routes,
        router: router.and_then(Result::ok),
        upstream_models,
        model_providers,
        labels,
        usage,
    }
}

/// Model of a policy, with the model that it is an alias of.
struct Entry<'m> {
    model: &'m RawModel,
    target_name: Option<&'m String>,
    target: Option<&'m RawModel>,
}

impl<'m> Entry<'m> {
    fn new(
        (name, model): (&str, &'m RawModel),
        names: &Resolver<&'m RawModel>,
        aliases: &'m BTreeMap<String, String>,
    ) -> Entry<'m> {
        let target_name = aliases.get(name);
        Entry { model, target_name, target: target_name.and_then(|target| names.find(target).copied()) }
    }

    /// Returns a field: the model's own value, else that of the alias's model.
    fn field<T: Clone>(&self, field: fn(&RawModel) -> Option<&T>) -> Option<T> {
        field(self.model).or_else(|| field(self.target?)).cloned()
    }

    /// Returns the name at the upstream, if it is another one: an own name, else that of the alias's model, else the name of that
    /// model.
    fn upstream_model(&self) -> Option<String> {
        self.field(|model| model.upstream_model.as_ref()).or_else(|| self.target_name.cloned())
    }
}

/// Returns a value by model.
fn by_model<'m, T>(
    models: &'m RawModels,
    names: &Resolver<&'m RawModel>,
    aliases: &'m BTreeMap<String, String>,
    value: impl Fn(&Entry<'m>) -> Option<T>,
) -> Resolver<T> {
    let mut values = ResolverBuilder::default();
    for (name, model) in &models.0 {
        if let Some(value) = value(&Entry::new((name, model), names, aliases)) {
            // An invalid name was reported as a name of the models.
            let _ = values.insert(name, value);
        }
    }
    // Without aliases, there are no errors.
    let values = values.build();
    debug_assert!(values.is_ok());
    values.unwrap_or_default()
}

fn path(name: &str) -> Path {
    Path::part("models").key(name)
}

/// Returns the last model of a chain of aliases. A cycle, which is an error of its own, ends where it started.
fn resolved<'a>(name: &'a str, model: &'a RawModel, models: &'a RawModels) -> &'a str {
    let (mut at, mut next) = (name, model.alias_of.as_deref());
    for _ in 0..=models.0.len() {
        let Some(target) = next else { break };
        at = target;
        next = models.0.get(target).and_then(|model| model.alias_of.as_deref());
    }
    at
}

/// Returns the valid routes by name; an alias has the route of its model unless it has its own.
fn routes(
    models: &RawModels,
    names: &Resolver<&RawModel>,
    aliases: &BTreeMap<String, String>,
    findings: &mut Findings,
) -> BTreeMap<String, RawRoute> {
    let mut routes = BTreeMap::new();
    for (name, model) in &models.0 {
        let entry = Entry::new((name, model), names, aliases);
        let Some(route) = entry.field(|model| model.route.as_ref()) else { continue };
        let raw = RawRoute {
            route,
            upstream_model: entry.upstream_model(),
            provider: entry.field(|model| model.provider.as_ref()),
        };
        let one = RawRouter { models: Entries(BTreeMap::from([(name.clone(), raw.clone())])), default: None };
        match Router::new(one) {
            Ok(_) => {
                routes.insert(name.clone(), raw);
            }
            Err(error) => findings.invalid(field_place(name, model, &error.path), error.problem),
        }
    }
    routes
}

/// Returns the place of a field of a route. The name for the upstream may come from `alias_of`; a value that comes from the
/// alias's model is reported there.
fn field_place(name: &str, model: &RawModel, error_path: &str) -> Path {
    let field = Path::default().join(error_path);
    match field.last_key() {
        Some("route") if model.route.is_some() => path(name).key("route"),
        Some("provider") if model.provider.is_some() => path(name).key("provider"),
        Some("upstream_model") if model.upstream_model.is_some() => path(name).key("upstream_model"),
        _ if model.alias_of.is_some() => path(name).key("alias_of"),
        _ => path(name),
    }
}

/// Adds margins to the catalog.
pub(super) fn with_margins(catalog: Catalog, margins: RawMargins, findings: &mut Findings) -> Catalog {
    match catalog.clone().with_margins(margins) {
        Ok(catalog) => catalog,
        Err(error) => {
            findings.invalid(Path::part("counting").join(&error.path), error.problem);
            catalog
        }
    }
}

/// Builds the catalog of aliases and tokenizers; after an error the value at fault is left out.
pub(super) fn catalog(aliases: RawAliases, tokenizers: Vec<RawTokenizer>, findings: &mut Findings) -> Catalog {
    let mut indices = findings.indices(&Path::part("tokenizers"), tokenizers.len());
    let (mut aliases, mut tokenizers) = (aliases, tokenizers);
    loop {
        let remaining = aliases.0.len() + tokenizers.len();
        // The tables are large; they are only copied as long as there is more than the last attempt.
        let error = match Catalog::new(aliases.clone(), tokenizers.clone()) {
            Ok(catalog) => return catalog,
            Err(error) => error,
        };
        let local = Path::default().join(&error.path);
        match local.0.as_slice() {
            [Step::Key(part), Step::Key(name), ..] if part == "aliases" => {
                findings.invalid(path(name).key("alias_of"), error.problem);
                aliases.0.remove(name);
            }
            [Step::Key(part), Step::Index(index), ..] if part == "tokenizers" && *index < tokenizers.len() => {
                findings.invalid(in_document(local.clone(), 1, &indices), error.problem);
                tokenizers.remove(*index);
                indices.remove(*index);
            }
            [Step::Key(part)] if part == "aliases" => {
                findings.invalid(Path::part("models"), error.problem);
                aliases.0.clear();
            }
            _ => {
                findings.invalid(Path::part("tokenizers"), error.problem);
                tokenizers.clear();
                indices.clear();
            }
        }
        if aliases.0.len() + tokenizers.len() >= remaining {
            return Catalog::default();
        }
    }
}
