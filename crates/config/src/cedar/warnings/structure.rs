//! Elements and text that are not looked at.

use crate::Section;
use crate::cedar::schema::{Blanks, Child, EXTENSIONS, Kind, LOCAL_PEER, REMOTE_PEER, ROOT, Shape};
use crate::diagnostic::Diagnostic;
use crate::suggest::nearest;
use crate::xml::{Document, Node};

/// What is doubtful about the elements of a file, whether or not their values are right.
pub(in crate::cedar) fn structure(document: &Document) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    if let Some(root) = document.configuration() {
        check_section(root, &ROOT, &mut findings);
    }
    findings
}

/// Sections that are none of Cedar Backup's own and no misspelt ones of it, as far as one can tell: those of extensions.
pub(in crate::cedar) fn foreign_sections(document: &Document) -> impl Iterator<Item = Section<'_>> {
    let root = document.configuration();
    root.into_iter().flat_map(Section::children).filter(move |section| {
        ROOT.child(section.name()).is_none()
            && root.is_some_and(|root| unknown_element(root, *section, &ROOT).is_none())
    })
}

fn check_section(section: Section<'_>, shape: &Shape, findings: &mut Vec<Diagnostic>) {
    check_stray_text(section, findings);
    let mut seen: Vec<&str> = Vec::new();
    for element in section.children() {
        let name = element.name();
        let Some(child) = shape.child(name) else {
            findings.extend(unknown_element(section, element, shape));
            continue;
        };
        let is_repeated = seen.contains(&name);
        match &child.kind {
            Kind::Scalar(_) if element.text().is_none() => {
                check_text(element, Blanks::Harmless, findings);
                continue;
            }
            Kind::Scalar(_) if is_repeated => {
                let message = format!("only the first `{name}` with a value counts; this one is ignored");
                findings.push(Diagnostic::warning(element.name_span(), message));
            }
            Kind::Section(_) if is_repeated => {
                let message =
                    format!("only the first `{name}` counts, even if it is empty; this one is ignored");
                findings.push(Diagnostic::warning(element.name_span(), message));
            }
            Kind::Scalar(blanks) | Kind::List(blanks) => check_text(element, *blanks, findings),
            Kind::Sections(_) if name == "peer" => check_peer(element, findings),
            Kind::Section(shape) | Kind::Sections(shape) => check_section(element, shape, findings),
        }
        seen.push(name);
    }
}

fn check_peer(element: Section<'_>, findings: &mut Vec<Diagnostic>) {
    match element.scalar("type") {
        Some(kind) if kind.value == "local" => check_section(element, &LOCAL_PEER, findings),
        Some(kind) if kind.value == "remote" => check_section(element, &REMOTE_PEER, findings),
        Some(kind) => {
            let message = "this peer is skipped: its `type` is neither `local` nor `remote`";
            findings.push(Diagnostic::warning(kind.span, message));
        }
        None => {
            let message = "this peer is skipped: it has no `type`";
            let finding = Diagnostic::warning(element.name_span(), message);
            findings.push(finding.with_hint("add `<type>local</type>` or `<type>remote</type>`"));
        }
    }
}

/// Text between the elements of a section.
fn check_stray_text(section: Section<'_>, findings: &mut Vec<Diagnostic>) {
    for node in &section.element().content {
        match node {
            Node::Text(run) if !run.trim().is_empty() => {
                let message = format!("text directly in `{}` is ignored", section.name());
                findings.push(Diagnostic::warning(run.span, message));
            }
            Node::Cdata(span) => {
                let message = format!("text directly in `{}` is ignored", section.name());
                findings.push(Diagnostic::warning(*span, message));
            }
            _ => {}
        }
    }
}

/// The parts of a value that do not belong to it, and those that should not.
fn check_text(element: Section<'_>, blanks: Blanks, findings: &mut Vec<Diagnostic>) {
    let mut has_value = false;
    for node in &element.element().content {
        match node {
            Node::Text(_) if !has_value => has_value = true,
            Node::Text(run) if !run.trim().is_empty() => {
                let message =
                    "this is ignored: a value ends at the first comment, CDATA section or element in it";
                findings.push(Diagnostic::warning(run.span, message));
            }
            Node::Cdata(span) => {
                findings.push(Diagnostic::warning(*span, "this is ignored: CDATA is not part of a value"));
            }
            _ => {}
        }
    }
    for child in element.children() {
        let message = format!("`{}` is ignored: `{}` holds a value", child.name(), element.name());
        findings.push(Diagnostic::warning(child.name_span(), message));
    }
    if let Some(text) = element.text()
        && blanks == Blanks::Kept
        && text.trim() != text.value
    {
        let message = format!("the blanks around the value of `{}` are part of it", element.name());
        findings.push(Diagnostic::warning(text.span, message));
    }
}

fn unknown_element(parent: Section<'_>, element: Section<'_>, shape: &Shape) -> Option<Diagnostic> {
    let name = element.name();
    let is_top = shape.name == ROOT.name;
    if is_top && EXTENSIONS.contains(&name) {
        return None;
    }
    let here = shape.children.iter().map(|child| child.name);
    let candidates = here.chain(EXTENSIONS.iter().copied().filter(|_| is_top));
    let hint = if let Some(known) = known_mistake(shape.name, name) {
        known.to_owned()
    } else if let Some(near) = nearest(name, candidates) {
        format!("did you mean `{near}`?")
    } else if shape.name == LOCAL_PEER.name && REMOTE_PEER.child(name).is_some() {
        "it means something for peers of type `remote` only".to_owned()
    } else if let Some(home) = home_of(&ROOT, name) {
        format!("it belongs in `{home}`")
    } else if is_top {
        // A section of somebody else's extension.
        return None;
    } else {
        let message = format!("`{name}` in `{}` is unknown and ignored", parent.name());
        return Some(Diagnostic::warning(element.name_span(), message));
    };
    let message = format!("`{name}` in `{}` means nothing and is ignored", parent.name());
    Some(Diagnostic::warning(element.name_span(), message).with_hint(hint))
}

/// Mistakes that manuals suggest.
fn known_mistake(parent: &str, name: &str) -> Option<&'static str> {
    match (parent, name) {
        ("blank_behavior", "blank_mode") => Some("it is called `mode`"),
        ("blank_behavior", "blank_factor") => Some("it is called `factor`"),
        ("collect", "mode") => Some("it is called `collect_mode` here"),
        ("collect", "recursion_level" | "link_depth" | "dereference") => Some("it belongs in each `dir`"),
        ("exclude", "rel_path") => Some("it belongs in the `exclude` of a `dir`"),
        _ => None,
    }
}

/// The first element that may hold one called `name`.
fn home_of(shape: &'static Shape, name: &str) -> Option<&'static str> {
    if shape.child(name).is_some() {
        return Some(shape.name);
    }
    shape.children.iter().filter_map(Child::shape).find_map(|child| home_of(child, name))
}
