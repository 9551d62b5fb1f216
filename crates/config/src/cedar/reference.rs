//! `reference`: free text about the file.

/// The `reference` section. Nothing depends on it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reference {
    /// Who wrote the file.
    pub author: Option<String>,
    /// Which revision it is.
    pub revision: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// What wrote it.
    pub generator: Option<String>,
}
