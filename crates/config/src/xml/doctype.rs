//! The document type declaration: entities are remembered, everything else is only passed over. Nothing outside the file
//! is ever fetched.

use std::collections::HashMap;
use std::rc::Rc;

use super::cursor::{Cursor, Reference, Result};

/// What `&name;` stands for.
#[derive(Debug, Clone)]
pub(super) enum Entity {
    /// Its replacement text.
    Internal(Rc<str>),
    /// It is somewhere else, and is taken to be empty.
    External,
    /// It is no XML; a reference to it is an error.
    Unparsed,
}

/// What a document type declaration says.
#[derive(Debug, Default)]
pub(super) struct Doctype {
    entities: HashMap<String, Entity>,
    /// Whether entities may be declared where we do not look: undefined ones are empty then.
    pub(super) is_incomplete: bool,
}

impl Doctype {
    pub(super) fn entity(&self, name: &str) -> Option<&Entity> {
        self.entities.get(name)
    }

    /// Reads on after `<!DOCTYPE`. `standalone` is what the XML declaration says.
    pub(super) fn read(cursor: &mut Cursor, standalone: bool) -> Result<Self> {
        let mut doctype = Self::default();
        cursor.expect_blanks()?;
        cursor.qualified_name()?;
        if cursor.skip_blanks() && external_id(cursor)? {
            doctype.is_incomplete = !standalone;
            cursor.skip_blanks();
        }
        if cursor.eat("[") {
            doctype.read_internal_subset(cursor, standalone)?;
            cursor.skip_blanks();
        }
        cursor.expect(">")?;
        Ok(doctype)
    }

    fn read_internal_subset(&mut self, cursor: &mut Cursor, standalone: bool) -> Result<()> {
        // What comes after a reference to a parameter entity may depend on it, and counts no more.
        let mut counts = true;
        loop {
            cursor.skip_blanks();
            if cursor.eat("]") {
                return Ok(());
            } else if cursor.eat("<!--") {
                comment(cursor)?;
            } else if cursor.eat("<?") {
                instruction(cursor)?;
            } else if cursor.eat("%") {
                cursor.name()?;
                cursor.expect(";")?;
                self.is_incomplete = !standalone;
                counts = standalone;
            } else if cursor.eat("<!ENTITY") {
                cursor.expect_blanks()?;
                if let (Some((name, entity)), true) = (entity(cursor)?, counts) {
                    self.entities.entry(name).or_insert(entity);
                }
            } else if ["<!ELEMENT", "<!ATTLIST", "<!NOTATION"].iter().any(|start| cursor.eat(start)) {
                cursor.expect_blanks()?;
                skip_declaration(cursor)?;
            } else {
                return Err(cursor.error("expected a declaration or `]`"));
            }
        }
    }
}

/// Reads on after `<!--`.
pub(super) fn comment(cursor: &mut Cursor) -> Result<()> {
    cursor.until("--", "the comment")?;
    if cursor.eat(">") { Ok(()) } else { Err(cursor.error("`--` is not allowed in a comment")) }
}

/// Reads on after `<?`.
pub(super) fn instruction(cursor: &mut Cursor) -> Result<()> {
    let start = cursor.at() - 2;
    let target = cursor.name()?;
    if target.eq_ignore_ascii_case("xml") {
        let message = "the XML declaration may only stand at the very beginning of the file";
        return Err(cursor.error_from(start, message));
    }
    if cursor.eat("?>") {
        return Ok(());
    }
    cursor.expect_blanks()?;
    cursor.until("?>", "the processing instruction").map(|_| ())
}

/// `SYSTEM …` or `PUBLIC …`; says whether there was one.
fn external_id(cursor: &mut Cursor) -> Result<bool> {
    if cursor.eat("SYSTEM") {
        cursor.expect_blanks()?;
    } else if cursor.eat("PUBLIC") {
        cursor.expect_blanks()?;
        cursor.literal("a public identifier")?;
        cursor.expect_blanks()?;
    } else {
        return Ok(false);
    }
    cursor.literal("a system identifier")?;
    Ok(true)
}

/// An entity declaration after its keyword; `None` for a parameter entity.
fn entity(cursor: &mut Cursor) -> Result<Option<(String, Entity)>> {
    let is_parameter = cursor.eat("%");
    if is_parameter {
        cursor.expect_blanks()?;
    }
    let name = cursor.name()?;
    cursor.expect_blanks()?;
    let entity = if external_id(cursor)? {
        if cursor.skip_blanks() && !is_parameter && cursor.eat("NDATA") {
            cursor.expect_blanks()?;
            cursor.name()?;
            Entity::Unparsed
        } else {
            Entity::External
        }
    } else {
        Entity::Internal(replacement_text(cursor)?)
    };
    cursor.skip_blanks();
    cursor.expect(">")?;
    Ok((!is_parameter).then_some((name, entity)))
}

/// An entity's value: references to characters are replaced, those to entities stay.
fn replacement_text(cursor: &mut Cursor) -> Result<Rc<str>> {
    let start = cursor.at();
    let value = cursor.literal("the value of the entity")?;
    let blame = cursor.span_from(start);
    let mut value = Cursor::new(value.into(), Some(blame));
    let mut text = String::new();
    loop {
        text.push_str(value.take_while(|c| !matches!(c, '&' | '%')));
        if value.is_at_end() {
            return Ok(text.into());
        }
        let reference_start = value.at();
        if !value.eat("&") {
            return Err(value.error("`%` is not allowed in the value of an entity here"));
        }
        let is_numeric = value.rest().starts_with('#');
        match value.reference()? {
            Reference::Character(c) if is_numeric => text.push(c),
            Reference::Character(_) | Reference::Entity(_) => {
                let end = value.at();
                text.push_str(value.between(reference_start, end));
            }
        }
    }
}

fn skip_declaration(cursor: &mut Cursor) -> Result<()> {
    loop {
        cursor.take_while(|c| !matches!(c, '>' | '"' | '\'' | '<'));
        if cursor.eat(">") {
            return Ok(());
        }
        cursor.literal("a value")?;
    }
}
