//! Call that texts belong to, and lists of calls in a policy.

use crate::condition::list::OneOrMany;
use crate::date::Date;
use crate::error::Problem;
use std::fmt;
use tollgate_names::{Resolver, ResolverBuilder};

/// Call whose texts are inspected, as far as the caller knows it. What is not known is in no list.
#[derive(Clone, Copy, Default)]
pub struct Caller<'c> {
    /// Name of the consumer.
    pub consumer: Option<&'c str>,
    /// Name of the team.
    pub team: Option<&'c str>,
    /// Names of the model: that of the client and, if it is an alias, its target.
    pub models: &'c [&'c str],
    /// Name of the route.
    pub route: Option<&'c str>,
    /// Clock, asked only if a policy needs the day. `None`: exceptions that end do not apply.
    pub today: Option<&'c dyn Fn() -> Date>,
}

impl fmt::Debug for Caller<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Caller { consumer, team, models, route, .. } = self;
        let mut shape = f.debug_struct("Caller");
        shape.field("consumer", consumer).field("team", team).field("models", models).field("route", route);
        shape.finish_non_exhaustive()
    }
}

/// Facts of a call that a policy asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallerNeeds {
    /// Names of consumers.
    pub consumers: bool,
    /// Names of teams.
    pub teams: bool,
    /// Names of models.
    pub models: bool,
    /// Names of routes.
    pub routes: bool,
}

/// Lists of calls: a call is in them if it is in each list that is present.
#[derive(Debug, Default)]
pub(crate) struct Callers {
    consumers: Option<Names>,
    teams: Option<Names>,
    models: Option<Resolver<()>>,
    routes: Option<Names>,
}

/// Lists of calls as written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawCallers<'r> {
    pub(crate) consumers: &'r Option<OneOrMany<String>>,
    pub(crate) teams: &'r Option<OneOrMany<String>>,
    pub(crate) models: &'r Option<OneOrMany<String>>,
    pub(crate) routes: &'r Option<OneOrMany<String>>,
}

impl Callers {
    /// Validates lists. An error has the name of the list.
    pub(crate) fn new(raw: RawCallers<'_>) -> Result<Callers, (&'static str, Problem)> {
        let names = |field, list: &Option<OneOrMany<String>>| {
            list.as_ref().map(Names::new).transpose().map_err(|problem| (field, problem))
        };
        Ok(Callers {
            consumers: names("consumers", raw.consumers)?,
            teams: names("teams", raw.teams)?,
            models: raw.models.as_ref().map(models).transpose().map_err(|problem| ("models", problem))?,
            routes: names("routes", raw.routes)?,
        })
    }

    /// Returns `true` if no list is present, so that every call is in them.
    pub(crate) fn is_everyone(&self) -> bool {
        self.needs() == CallerNeeds::default()
    }

    /// Returns the facts of a call that the lists ask for.
    pub(crate) fn needs(&self) -> CallerNeeds {
        CallerNeeds {
            consumers: self.consumers.is_some(),
            teams: self.teams.is_some(),
            models: self.models.is_some(),
            routes: self.routes.is_some(),
        }
    }

    /// Returns `true` if a call is in the lists.
    pub(crate) fn contain(&self, caller: &Caller<'_>) -> bool {
        let named = |list: &Option<Names>, name: Option<&str>| {
            list.as_ref().is_none_or(|list| name.is_some_and(|name| list.contain(name)))
        };
        let models = self.models.as_ref();
        named(&self.consumers, caller.consumer)
            && named(&self.teams, caller.team)
            && models.is_none_or(|list| caller.models.iter().any(|model| list.find(model).is_some()))
            && named(&self.routes, caller.route)
    }
}

impl CallerNeeds {
    /// Returns the facts that one of two asks for.
    pub(crate) fn or(self, other: CallerNeeds) -> CallerNeeds {
        CallerNeeds {
            consumers: self.consumers || other.consumers,
            teams: self.teams || other.teams,
            models: self.models || other.models,
            routes: self.routes || other.routes,
        }
    }
}

/// List of names, each exact or, with `*` at its end, the beginning of names.
#[derive(Debug)]
pub(crate) struct Names(Box<[String]>);

impl Names {
    pub(crate) fn new(list: &OneOrMany<String>) -> Result<Names, Problem> {
        if list.0.is_empty() || list.0.iter().any(String::is_empty) {
            return Err(Problem::Empty);
        }
        Ok(Names(list.0.clone().into()))
    }

    pub(crate) fn contain(&self, name: &str) -> bool {
        self.0.iter().any(|own| matches(own, name))
    }
}

/// Returns `true` if a name is equal to `pattern` or begins with what is in front of its `*`.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |start| name.starts_with(start))
}

/// Returns a list of models, found like all entries of models: with prefixes, versions and wildcards.
fn models(list: &OneOrMany<String>) -> Result<Resolver<()>, Problem> {
    if list.0.is_empty() {
        return Err(Problem::Empty);
    }
    let mut names = ResolverBuilder::default();
    for name in &list.0 {
        names.insert(name, ()).map_err(|error| Problem::Model(error.problem()))?;
    }
    // Without aliases, there are no errors.
    Ok(names.build().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(names: &[&str]) -> Option<OneOrMany<String>> {
        (!names.is_empty()).then(|| OneOrMany(names.iter().map(|name| (*name).to_owned()).collect()))
    }

    #[test]
    fn a_call_is_in_each_list_that_is_present() {
        let call =
            Caller { consumer: Some("ci-7"), models: &["fast", "openai/gpt-4o-2024-08-06"], ..Caller::default() };
        for (consumers, teams, models, contains) in [
            (&[][..], &[][..], &[][..], true),
            (&["ci-7"], &[], &[], true),
            (&["ci-*"], &[], &[], true),
            (&["ci"], &[], &[], false),
            (&["bob", "*"], &[], &[], true),
            (&[], &["red"], &[], false),
            (&[], &[], &["gpt-4o"], true),
            (&[], &[], &["gpt-4*"], true),
            (&[], &[], &["fast"], true),
            (&[], &[], &["o3"], false),
            (&["ci-7"], &[], &["o3"], false),
        ] {
            let (consumers, teams, models) = (list(consumers), list(teams), list(models));
            let raw = RawCallers { consumers: &consumers, teams: &teams, models: &models, routes: &None };
            assert_eq!(Callers::new(raw).unwrap().contain(&call), contains, "{raw:?}");
        }
    }

    #[test]
    fn empty_lists_and_names_are_errors() {
        for names in [vec![], vec![String::new()]] {
            let list = Some(OneOrMany(names));
            let raw = RawCallers { consumers: &list, teams: &None, models: &None, routes: &None };
            assert_eq!(Callers::new(raw).map(|_| ()), Err(("consumers", Problem::Empty)));
        }
        let list = Some(OneOrMany(vec!["gpt-*o".to_owned()]));
        let raw = RawCallers { consumers: &None, teams: &None, models: &list, routes: &None };
        assert!(matches!(Callers::new(raw), Err(("models", Problem::Model(_)))));
    }
}
