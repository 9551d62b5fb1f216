//! How many characters a pattern can match. Python asks this of look-behinds.

use super::syntax::Node;

/// Least and most characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Width {
    least: u64,
    most: u64,
}

impl Width {
    const ZERO: Self = Self { least: 0, most: 0 };
    const ONE: Self = Self { least: 1, most: 1 };

    /// Of what nobody has looked at yet.
    pub(super) const ANY: Self = Self { least: 0, most: u64::MAX };

    pub(super) fn is_zero(self) -> bool {
        self.most == 0
    }

    pub(super) fn is_fixed(self) -> bool {
        self.least == self.most
    }

    fn then(self, next: Self) -> Self {
        Self { least: self.least.saturating_add(next.least), most: self.most.saturating_add(next.most) }
    }

    fn or(self, other: Self) -> Self {
        Self { least: self.least.min(other.least), most: self.most.max(other.most) }
    }
}

/// The width of a pattern, given those of the groups it refers to (none for a group that is not complete yet).
pub(super) fn of(node: &Node, group: &impl Fn(u32) -> Option<Width>) -> Width {
    match node {
        Node::Set(_) | Node::Any { .. } => Width::ONE,
        Node::Begin { .. }
        | Node::End { .. }
        | Node::VeryEnd
        | Node::WordBoundary { .. }
        | Node::Look { .. } => Width::ZERO,
        Node::Concatenation(nodes) => {
            nodes.iter().fold(Width::ZERO, |width, node| width.then(of(node, group)))
        }
        Node::Alternation(nodes) => {
            nodes.iter().map(|node| of(node, group)).reduce(Width::or).unwrap_or(Width::ZERO)
        }
        Node::Capture(_, inner) | Node::Atomic(inner) => of(inner, group),
        Node::Repeat { inner, min, max, .. } => {
            let width = of(inner, group);
            let most = max.map_or(u64::MAX, u64::from);
            Width { least: width.least.saturating_mul((*min).into()), most: width.most.saturating_mul(most) }
        }
        Node::BackReference { group: number, .. } => group(*number).unwrap_or(Width::ZERO),
        Node::Conditional { yes, no, .. } => of(yes, group).or(of(no, group)),
    }
}
