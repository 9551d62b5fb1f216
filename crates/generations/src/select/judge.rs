//! Deciding about paths without reading them.

use redcedar_archive::{Kind, Metadata};

use super::{Reason, Trust};
use crate::packages::{Availability, Claim, Owned, Package, Permissions, State};

/// What becomes of a path; kept small, as there is one for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Save(Reason),
    /// On the word of a record of the inventory.
    LeaveOut(u32),
}

/// What has to be saved of what packages own, for all that can be told without reading it. Nothing: it has to be compared with
/// the claim of the first of its owners, which is that of all.
pub(super) fn judge<'a>(
    found: &Metadata,
    owners: impl Iterator<Item = Owned> + Clone,
    package_of: impl Fn(&Owned) -> &'a Package,
    trust: Trust,
) -> Option<Reason> {
    let mut claims = owners.clone().map(|owned| owned.claim);
    let is_agreed = claims.next().is_none_or(|first| claims.all(|claim| claim == first));
    owners
        .map(|owned| {
            let package = package_of(&owned);
            claimed(found, &owned.claim)
                .or_else(|| availability(package, trust))
                .or_else(|| permissions(found, owned.permissions))
        })
        .find(Option::is_some)
        .unwrap_or_else(|| (!is_agreed).then_some(Reason::Unspecified))
}

/// Whether the claim is worth a comparison.
fn claimed(found: &Metadata, claim: &Claim) -> Option<Reason> {
    match (claim, found.kind) {
        (Claim::Obsolete, _) => Some(Reason::Obsolete),
        (Claim::Diverted, _) => Some(Reason::Diverted),
        (Claim::Unspecified, _) => Some(Reason::Unspecified),
        (Claim::File { size: Some(size), .. }, Kind::File) if *size != found.size => {
            Some(Reason::ContentChanged)
        }
        (Claim::File { .. }, Kind::File) | (Claim::Symlink(_), Kind::Symlink) => None,
        (Claim::File { .. } | Claim::Symlink(_) | Claim::Directory, _) => Some(Reason::KindChanged),
    }
}

fn availability(package: &Package, trust: Trust) -> Option<Reason> {
    match (package.state, trust, package.availability) {
        (State::ConfigurationOnly, ..) => Some(Reason::Obsolete),
        (State::Unfinished, ..) => Some(Reason::Unfinished),
        (_, Trust::SameVersion | Trust::AnyVersion, Availability::SameVersion)
        | (_, Trust::AnyVersion, Availability::OtherVersion)
        | (_, Trust::Installed, _) => None,
        (_, _, Availability::OtherVersion) => Some(Reason::OtherVersion),
        (_, _, Availability::SameVersion | Availability::Nowhere) => Some(Reason::NotAvailable),
    }
}

/// Whether mode and owner are those of the package. All links have the same mode.
fn permissions(found: &Metadata, permissions: Permissions) -> Option<Reason> {
    let is_link = found.kind == Kind::Symlink;
    let is_equal = match permissions {
        Permissions::Usual => {
            let is_usual = found.mode & 0o7022 == 0 && found.mode & 0o444 == 0o444;
            (found.uid, found.gid) == (0, 0) && (is_link || is_usual)
        }
        Permissions::Recorded { mode, owner } => {
            (found.uid, found.gid) == (owner.uid, owner.gid) && (is_link || found.mode == mode)
        }
        Permissions::Unknown => false,
    };
    (!is_equal).then_some(Reason::PermissionsChanged)
}

#[cfg(test)]
mod tests {
    use redcedar_archive::Timestamp;
    use redcedar_system::Owner;

    use super::*;
    use crate::Digest;
    use crate::packages::{PackageRef, Target};

    fn found(kind: Kind, mode: u16) -> Metadata {
        Metadata {
            size: 5,
            inode: 1,
            device: 1,
            modified: Timestamp::default(),
            changed: Timestamp::default(),
            uid: 0,
            gid: 0,
            links: 1,
            rdev: 0,
            mode,
            kind,
        }
    }

    fn package(state: State, availability: Availability) -> Package {
        Package {
            database: "dpkg",
            name: "p".to_owned(),
            version: "1".to_owned(),
            architecture: "all".to_owned(),
            origin: None,
            is_auto: false,
            is_held: false,
            state,
            availability,
        }
    }

    fn file(byte: u8, size: Option<u64>) -> Claim {
        Claim::File { digest: Digest::Md5([byte; 16]), size }
    }

    fn owned(claim: Claim) -> Owned {
        Owned { package: PackageRef(0), claim, permissions: Permissions::Usual }
    }

    fn judge_one(found: &Metadata, owned: &Owned) -> Option<Reason> {
        let package = package(State::Installed, Availability::SameVersion);
        judge(found, std::iter::once(owned.clone()), |_| &package, Trust::SameVersion)
    }

    #[test]
    fn what_a_package_does_not_vouch_for_is_saved() {
        let plain = found(Kind::File, 0o644);
        let link = Claim::Symlink(Target::Path("x".into()));
        let cases = [
            (plain, file(1, None), None),
            (plain, file(1, Some(5)), None),
            (plain, file(1, Some(6)), Some(Reason::ContentChanged)),
            (plain, link.clone(), Some(Reason::KindChanged)),
            (plain, Claim::Directory, Some(Reason::KindChanged)),
            (plain, Claim::Unspecified, Some(Reason::Unspecified)),
            (plain, Claim::Obsolete, Some(Reason::Obsolete)),
            (plain, Claim::Diverted, Some(Reason::Diverted)),
            (found(Kind::Symlink, 0o777), link, None),
            (found(Kind::Symlink, 0o777), file(1, None), Some(Reason::KindChanged)),
            (found(Kind::Fifo, 0o644), file(1, None), Some(Reason::KindChanged)),
        ];
        for (found, claim, expected) in cases {
            assert_eq!(judge_one(&found, &owned(claim.clone())), expected, "{:?} {claim:?}", found.kind);
        }
    }

    #[test]
    fn mode_and_owner_are_those_recorded_or_else_the_usual_ones() {
        for (mode, is_usual) in
            [(0o644, true), (0o755, true), (0o444, true), (0o640, false), (0o4755, false), (0o664, false)]
        {
            let reason = judge_one(&found(Kind::File, mode), &owned(file(1, None)));
            assert_eq!(reason.is_none(), is_usual, "{mode:o}");
        }
        let recorded = Permissions::Recorded { mode: 0o4750, owner: Owner { uid: 0, gid: 7 } };
        let owned = Owned { permissions: recorded, ..owned(file(1, None)) };
        let right = Metadata { gid: 7, ..found(Kind::File, 0o4750) };
        assert_eq!(judge_one(&right, &owned), None);
        for wrong in
            [Metadata { gid: 8, ..right }, Metadata { uid: 1, ..right }, Metadata { mode: 0o750, ..right }]
        {
            assert_eq!(judge_one(&wrong, &owned), Some(Reason::PermissionsChanged));
        }
        let unknown = Owned { permissions: Permissions::Unknown, ..owned };
        assert_eq!(judge_one(&right, &unknown), Some(Reason::PermissionsChanged));
    }

    #[test]
    fn a_package_is_trusted_as_far_as_it_can_be_had_again() {
        use Availability::{Nowhere, OtherVersion, SameVersion};
        let cases = [
            (Trust::Nothing, [Some(Reason::NotAvailable), Some(Reason::OtherVersion)]),
            (Trust::SameVersion, [None, Some(Reason::OtherVersion)]),
            (Trust::AnyVersion, [None, None]),
            (Trust::Installed, [None, None]),
        ];
        let reason = |state, availability, trust| {
            let package = package(state, availability);
            let owned = owned(file(1, None));
            judge(&found(Kind::File, 0o644), std::iter::once(owned), |_| &package, trust)
        };
        for (trust, expected) in cases {
            assert_eq!([SameVersion, OtherVersion].map(|a| reason(State::Installed, a, trust)), expected);
            let is_saved = trust != Trust::Installed;
            let expected = is_saved.then_some(Reason::NotAvailable);
            assert_eq!(reason(State::Installed, Nowhere, trust), expected);
            assert_eq!(reason(State::Unfinished, SameVersion, trust), Some(Reason::Unfinished));
            assert_eq!(reason(State::ConfigurationOnly, SameVersion, trust), Some(Reason::Obsolete));
        }
    }

    #[test]
    fn of_several_owners_all_must_vouch_and_for_the_same() {
        let package = package(State::Installed, Availability::SameVersion);
        let judge_all = |claims: &[Claim]| {
            let owners: Vec<Owned> = claims.iter().cloned().map(owned).collect();
            judge(&found(Kind::File, 0o644), owners.into_iter(), |_| &package, Trust::SameVersion)
        };
        assert_eq!(judge_all(&[file(1, None), file(1, None)]), None);
        assert_eq!(judge_all(&[file(1, None), file(2, None)]), Some(Reason::Unspecified));
        assert_eq!(judge_all(&[file(1, None), Claim::Obsolete]), Some(Reason::Obsolete));
    }
}
