//! The order of actions: by index, or by what each says it runs before and after.

use std::collections::HashMap;

use redcedar_config::cedar::{ExtendedAction, Extensions};
use redcedar_config::value::OrderMode;

use super::PlanError;
use super::registry::{self, Builtin};

/// What an action does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Function {
    /// A built-in action.
    Builtin(Builtin),
    /// An official extension, by its short name.
    Extension(&'static str),
    /// A program of somebody else's, see [`crate::program`].
    Program,
    /// Something of the original's that is no action.
    NoAction,
}

/// An action that can be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// The word that asks for it.
    pub name: String,
    /// What it does.
    pub function: Function,
    /// Its place: smaller runs first.
    pub index: u64,
}

/// Every action of a configuration, in order of (index, name).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actions {
    list: Vec<Action>,
}

impl Actions {
    /// Resolves the functions of all configured extensions, as far as they are ours, and gives each action its index.
    ///
    /// # Errors
    /// When there is no order that all dependencies allow.
    pub fn resolve(extensions: Option<&Extensions>) -> Result<Self, PlanError> {
        let extended = extensions.map_or(&[][..], |extensions| &extensions.actions);
        let function = |action: &ExtendedAction| registry::function(&action.module, &action.function);
        let functions: Vec<_> = extended.iter().map(function).collect();
        let mode = order_mode(extensions);
        let mut list = match mode {
            OrderMode::Index => by_index(extended, &functions),
            OrderMode::Dependency => by_dependency(extended, &functions)?,
        };
        list.sort_by(|a, b| (a.index, &a.name).cmp(&(b.index, &b.name)));
        Ok(Self { list })
    }

    /// The action that `name` asks for.
    pub fn get(&self, name: &str) -> Option<&Action> {
        self.list.iter().find(|action| action.name == name)
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Action> {
        self.list.iter()
    }

    /// All names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|action| action.name.as_str())
    }
}

/// How actions are ordered: by index, unless there are extensions and they say otherwise.
pub fn order_mode(extensions: Option<&Extensions>) -> OrderMode {
    let declared = extensions.filter(|extensions| !extensions.actions.is_empty());
    declared.and_then(|extensions| extensions.order_mode).unwrap_or(OrderMode::Index)
}

/// Built-in actions have fixed indexes.
fn by_index(extended: &[ExtendedAction], functions: &[Function]) -> Vec<Action> {
    let builtin = Builtin::ALL.into_iter().map(|builtin| Action {
        name: builtin.name().to_owned(),
        function: Function::Builtin(builtin),
        index: builtin.index(),
    });
    let extended = extended.iter().zip(functions).map(|(action, function)| Action {
        name: action.name.value.clone(),
        function: *function,
        index: action.index.unwrap_or_default(),
    });
    builtin.chain(extended).collect()
}

/// Positions 1, 2, … in the original's topological order, which depends on the order in which vertices and edges are made.
fn by_dependency(extended: &[ExtendedAction], functions: &[Function]) -> Result<Vec<Action>, PlanError> {
    let builtin = Builtin::ALL.into_iter().map(|builtin| (builtin.name(), Function::Builtin(builtin)));
    let own = extended.iter().zip(functions).map(|(action, function)| (action.name.as_str(), *function));
    let vertices: Vec<(&str, Function)> = builtin.chain(own).collect();
    let mut position: HashMap<&str, usize> = HashMap::new();
    for (index, (name, _)) in vertices.iter().enumerate() {
        if position.insert(name, index).is_some() {
            return Err(PlanError::Cycle);
        }
    }
    let edges = edges(extended, &position)?;
    let order = topological(vertices.len(), &edges).ok_or(PlanError::Cycle)?;
    let actions = order.into_iter().zip(1..).map(|(vertex, index)| {
        let (name, function) = vertices[vertex];
        Action { name: name.to_owned(), function, index }
    });
    Ok(actions.collect())
}

/// For each vertex the vertices it runs before, in creation order.
fn edges(extended: &[ExtendedAction], position: &HashMap<&str, usize>) -> Result<Vec<Vec<usize>>, PlanError> {
    let mut edges = vec![Vec::new(); position.len()];
    let normal = Builtin::NORMAL.map(|builtin| position[builtin.name()]);
    for (rank, from) in normal.iter().enumerate() {
        edges[*from].extend_from_slice(&normal[rank + 1..]);
    }
    for action in extended {
        let own = position[action.name.as_str()];
        let find = |name: &str| {
            position.get(name).copied().ok_or_else(|| PlanError::UnknownDependency {
                action: action.name.value.clone(),
                dependency: name.to_owned(),
            })
        };
        for name in action.run_before.iter().flatten() {
            edges[own].push(find(name)?);
        }
        for name in action.run_after.iter().flatten() {
            edges[find(name)?].push(own);
        }
    }
    Ok(edges)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Visit {
    New,
    Open,
    Done,
}

/// Depth-first search over all vertices in creation order; a finished vertex goes to the front. `None`: there is a cycle.
fn topological(count: usize, edges: &[Vec<usize>]) -> Option<Vec<usize>> {
    fn visit(
        vertex: usize,
        edges: &[Vec<usize>],
        state: &mut [Visit],
        finished: &mut Vec<usize>,
    ) -> Option<()> {
        match state[vertex] {
            Visit::Done => return Some(()),
            Visit::Open => return None,
            Visit::New => state[vertex] = Visit::Open,
        }
        for next in &edges[vertex] {
            visit(*next, edges, state, finished)?;
        }
        state[vertex] = Visit::Done;
        finished.push(vertex);
        Some(())
    }
    let mut state = vec![Visit::New; count];
    let mut finished = Vec::with_capacity(count);
    for vertex in 0..count {
        visit(vertex, edges, &mut state, &mut finished)?;
    }
    finished.reverse();
    Some(finished)
}

#[cfg(test)]
mod tests {
    use redcedar_config::cedar::ProgramSettings;

    use super::*;

    fn action(name: &str, index: Option<u64>, before: &[&str], after: &[&str]) -> ExtendedAction {
        let names = |list: &[&str]| {
            (!list.is_empty()).then(|| list.iter().map(|name| (*name).to_owned().into()).collect())
        };
        ExtendedAction {
            name: name.to_owned().into(),
            module: "CedarBackup3.extend.sysinfo".to_owned().into(),
            function: "executeAction".to_owned().into(),
            index,
            run_before: names(before),
            run_after: names(after),
            has_depends: true,
            program: ProgramSettings::default(),
        }
    }

    fn resolve(mode: OrderMode, actions: Vec<ExtendedAction>) -> Result<Actions, PlanError> {
        Actions::resolve(Some(&Extensions { order_mode: Some(mode), actions }))
    }

    fn order(actions: &Actions) -> String {
        actions.names().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn without_extensions_the_built_in_indexes_hold() {
        let actions = Actions::resolve(None).unwrap();
        assert_eq!(order(&actions), "initialize rebuild validate collect stage store purge");
        let empty = Extensions { order_mode: Some(OrderMode::Dependency), actions: Vec::new() };
        assert_eq!(order_mode(Some(&empty)), OrderMode::Index);
        assert_eq!(Actions::resolve(Some(&empty)).unwrap(), actions);
    }

    #[test]
    fn equal_indexes_are_listed_by_name() {
        let extended = vec![
            action("all", Some(5), &[], &[]),
            action("zz", Some(100), &[], &[]),
            action("aa", Some(100), &[], &[]),
        ];
        let actions = resolve(OrderMode::Index, extended).unwrap();
        assert_eq!(order(&actions), "initialize rebuild validate all aa collect zz stage store purge");
    }

    #[test]
    fn dependencies_give_the_documented_orders() {
        type Row<'a> = (&'a [(&'a str, &'a [&'a str], &'a [&'a str])], &'a str);
        let rows: [Row<'_>; 9] = [
            (
                &[("x", &[], &[]), ("y", &[], &[])],
                "y x collect stage store purge initialize validate rebuild",
            ),
            (&[("x", &["collect"], &[]), ("y", &["collect"], &[])], "y x collect stage store purge"),
            (&[("x", &[], &["collect"]), ("y", &[], &["collect"])], "collect y x stage store purge"),
            (&[("x", &["stage"], &[])], "x collect stage store purge"),
            (&[("x", &[], &["stage"])], "collect stage x store purge"),
            (&[("x", &["purge"], &[])], "x collect stage store purge"),
            (&[("x", &["purge"], &["store"])], "collect stage store x purge initialize validate rebuild"),
            (&[("x", &[], &["purge"])], "collect stage store purge x initialize"),
            (&[("x", &["y"], &[]), ("y", &["collect"], &[])], "x y collect"),
        ];
        for (declared, expected) in rows {
            let extended =
                declared.iter().map(|(name, before, after)| action(name, None, before, after)).collect();
            let actions = resolve(OrderMode::Dependency, extended).unwrap();
            assert!(order(&actions).starts_with(expected), "{declared:?}: {}", order(&actions));
            assert_eq!(actions.get(actions.names().next().unwrap()).unwrap().index, 1);
        }
    }

    #[test]
    fn unknown_dependencies_are_refused_and_all_is_unknown() {
        for name in ["nosuch", "all"] {
            let refused = resolve(OrderMode::Dependency, vec![action("x", None, &[name], &[])]).unwrap_err();
            assert!(matches!(refused, PlanError::UnknownDependency { .. }), "{refused}");
        }
    }

    #[test]
    fn cycles_are_refused() {
        for extended in [
            vec![action("x", None, &["x"], &[])],
            vec![action("x", None, &["collect"], &["stage"])],
            vec![action("collect", None, &[], &[])],
            vec![action("x", None, &["y"], &[]), action("y", None, &["x"], &[])],
        ] {
            let refused = resolve(OrderMode::Dependency, extended.clone()).unwrap_err();
            assert!(matches!(refused, PlanError::Cycle), "{extended:?}: {refused}");
        }
    }
}
