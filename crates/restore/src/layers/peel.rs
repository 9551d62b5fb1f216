//! From the files of a directory to what they are forms of. Pure.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use redcedar_archive::layers::{Layer, outermost, part_name};

use super::Form;

/// What a name stands for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Peeled {
    /// The name without layers.
    pub(crate) name: OsString,
    /// The form with the fewest layers: where encrypting or splitting was interrupted, what it began with is complete.
    pub(crate) form: Form,
    /// Further forms of the same.
    pub(crate) others: Vec<Form>,
}

/// Takes off the layers that names show, in order of the names that are left.
pub(crate) fn peel(files: impl Iterator<Item = (OsString, Form)>) -> Vec<Peeled> {
    // The longest name first: when a name is looked at, all its parts and encrypted forms have been.
    let mut open: BTreeMap<(Reverse<usize>, OsString), Vec<Form>> = BTreeMap::new();
    let key = |name: &OsStr| (Reverse(name.len()), name.to_owned());
    for (name, form) in files {
        open.entry(key(&name)).or_default().push(form);
    }
    let mut peeled = Vec::new();
    while let Some(((_, name), mut forms)) = open.pop_first() {
        forms.sort_by_key(Form::depth);
        peeled.extend(take_files_of_their_own(&name, &mut forms));
        let mut forms = forms.into_iter();
        match outermost(&name) {
            None => {
                let Some(form) = forms.next() else { continue };
                peeled.push(Peeled { name, form, others: forms.collect() });
            }
            Some((inner, Layer::Sealed(cipher))) => {
                let sealed = forms.map(|form| Form::Sealed(cipher, Box::new(form)));
                open.entry(key(inner)).or_default().extend(sealed);
            }
            Some((inner, Layer::Part(number))) => {
                let whole = open.entry(key(inner)).or_default();
                let Some(form) = forms.next() else { continue };
                match whole.iter_mut().find_map(|form| match form {
                    Form::Parts(parts) => Some(parts),
                    _ => None,
                }) {
                    // Names of one length come in their order.
                    Some(parts) => parts.push((number, form)),
                    None => whole.push(Form::Parts(vec![(number, form)])),
                }
            }
        }
    }
    peeled.sort_by(|a, b| a.name.cmp(&b.name));
    peeled
}

/// `data_00001` beside `data`, and no `data_00000`: it is no part.
fn take_files_of_their_own(name: &OsStr, forms: &mut Vec<Form>) -> Vec<Peeled> {
    let is_file = |form: &Form| !matches!(form, Form::Parts(_));
    let no_parts = |form: &Form| matches!(form, Form::Parts(parts) if parts.first().is_some_and(|(number, _)| *number > 0));
    if !forms.iter().any(is_file) {
        return Vec::new();
    }
    let taken = forms.extract_if(.., |form| no_parts(form));
    let parts = taken.flat_map(|form| match form {
        Form::Parts(parts) => parts,
        _ => Vec::new(),
    });
    let own = |(number, form)| Peeled { name: part_name(name, u64::from(number)), form, others: Vec::new() };
    parts.map(own).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::layers::Piece;
    use crate::place::Directory;
    use redcedar_archive::layers::Cipher;

    fn plain(name: &str) -> Form {
        let place = Arc::new(Directory::new(Path::new("/")).unwrap());
        Form::Plain(Piece { place, path: name.into(), size: 1, modified: (0, 0), stamp: 0 })
    }

    fn sealed(form: Form) -> Form {
        Form::Sealed(Cipher::Gpg, Box::new(form))
    }

    fn peeled(names: &[&str]) -> Vec<(String, Form, usize)> {
        let files = names.iter().map(|name| (OsString::from(name), plain(name)));
        peel(files).into_iter().map(|p| (p.name.into_string().unwrap(), p.form, p.others.len())).collect()
    }

    #[test]
    fn layers_in_any_order_lead_to_the_same_name() {
        assert_eq!(peeled(&["x.tar"]), [("x.tar".into(), plain("x.tar"), 0)]);
        let parts =
            Form::Parts(vec![(0, sealed(plain("x.tar_00000.gpg"))), (1, sealed(plain("x.tar_00001.gpg")))]);
        assert_eq!(peeled(&["x.tar_00001.gpg", "x.tar_00000.gpg"]), [("x.tar".into(), parts, 0)]);
        let parts = Form::Parts(vec![(0, plain("x.gpg.gpg_00000")), (3, plain("x.gpg.gpg_00003"))]);
        let expected = [("x".into(), sealed(sealed(parts)), 0)];
        assert_eq!(peeled(&["x.gpg.gpg_00003", "x.gpg.gpg_00000"]), expected);
    }

    #[test]
    fn what_is_there_several_times_is_taken_with_the_fewest_layers() {
        let expected = [("x".into(), plain("x"), 2)];
        assert_eq!(peeled(&["x.gpg", "x", "x_00000", "x_00001"]), expected);
        let own = [("x".into(), plain("x"), 0), ("x_00001".into(), plain("x_00001"), 0)];
        assert_eq!(peeled(&["x", "x_00001"]), own);
        // A part that was encrypted, but is still there in clear.
        let parts = Form::Parts(vec![(0, plain("x_00000")), (1, sealed(plain("x_00001.gpg")))]);
        assert_eq!(peeled(&["x_00000", "x_00000.gpg", "x_00001.gpg"]), [("x".into(), parts, 0)]);
    }
}
