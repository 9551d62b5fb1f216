//! Installing packages by `apt-get` in the versions that they had, as far as repositories still have those.

#[cfg(test)]
mod tests;

use super::{Facts, Step};
use crate::manifest::{PackageAvailability, PackageLine};

/// Nobody is asked, settings that are there stay, versions may be older.
///
/// In `$work`: `wanted`, a `NAME=VERSION` on each line; `whole`, names of packages of which the snapshot has all files; `chosen`,
/// what is to be installed; `gone`, names that no repository has; `others`, those of `wanted` that are not there in the end.
const FUNCTIONS: &str = r#"apt_install() {
    there apt-get --yes --no-install-recommends --allow-downgrades --allow-change-held-packages \
        --option Dpkg::Options::=--force-confdef --option Dpkg::Options::=--force-confold install "$@"
}

# A version that no repository has any more becomes the newest that there is.
choose_versions() {
    there apt-cache madison $(sed 's/=.*//' "$work/wanted") >"$work/known"
    if [ ! -s "$work/known" ]; then
        echo 'No repository has any of the packages. Is the network there, and /etc/apt right?' >&2
        exit 1
    fi
    awk -v gone="$work/gone" -v native="$(there dpkg --print-architecture)" '
        FILENAME == ARGV[1] {
            split($0, field, " *[|] *")
            sub(/^ +/, "", field[1])
            known[field[1]] = 1
            known[field[1] "=" field[2]] = 1
            next
        }
        {
            split($0, word, "=")
            name = word[1]
            sub(":" native "$", "", name)
            version = name "=" word[2]
            if (version in known) print
            else if (name in known) print word[1]
            else print word[1] >gone
        }
    ' "$work/known" "$work/wanted" >"$work/chosen"
    lost=$(grep -v -x -F -f "$work/chosen" "$work/wanted" || :)
    [ -n "$lost" ] || return 0
    {
        echo 'No repository has these any more. The newest version takes their place, where there is one:'
        printf '  %s\n' $lost
    } >&2
    if ! apt_install --simulate $(cat "$work/chosen") >/dev/null 2>&1; then
        echo 'It does not go together with the versions of the others, so these come in the newest version, too.' >&2
        sed 's/=.*//' "$work/chosen" >"$work/newest"
        mv "$work/newest" "$work/chosen"
    fi
}

# Marks the packages whose names come in, but for those that are not there.
mark() {
    names=$(grep -v -x -F -f "$work/gone" || :)
    [ -z "$names" ] || there apt-mark "$1" $names >/dev/null
}

note_versions() {
    there dpkg-query --show --showformat '${Package}:${Architecture}=${Version}\n${Package}=${Version}\n' \
        >"$work/installed"
    grep -v -x -F -f "$work/installed" "$work/wanted" >"$work/others" || :
}

# Packages that came in another version lost what the machine had not; dpkg takes them for those that were there.
repeat_others() {
    [ -s "$work/others" ] || return 0
    again=$(awk -F= '
        FILENAME == ARGV[1] { version[$1] = $2; next }
        FILENAME == ARGV[2] { whole[$1] = 1; next }
        $1 in version && !($1 in whole) { print $1 "=" version[$1] }
    ' "$work/installed" "$work/whole" "$work/others")
    if [ -n "$again" ]; then
        hold_services
        apt_install --reinstall $again
        release_services
        # What somebody had changed in them comes back once more, what dpkg knows stays.
        cp -a "${root%/}/var/lib/dpkg" "$work/dpkg"
        lay_over
        cp -a "$work/dpkg/." "${root%/}/var/lib/dpkg/"
    fi
    {
        echo 'These are not there in the version that they had:'
        sed 's/^/  /' "$work/others"
    } >&2
}"#;

/// Installs everything that a repository had.
pub(super) fn install(facts: &Facts) -> Option<Step> {
    let wanted = wanted(facts)?;
    let lines = |packages: &mut dyn Iterator<Item = String>| packages.collect::<Vec<_>>().join("\n");
    let words =
        lines(&mut wanted.iter().map(|(package, _)| format!("{}={}", name(package), package.version)));
    let is_whole = |(package, left_out): &(&PackageLine, u64)| (*left_out == 0).then(|| name(package));
    let whole = lines(&mut wanted.iter().filter_map(is_whole));
    let mut commands = vec![FUNCTIONS.to_owned(), input("cat >\"$work/wanted\"", &words)];
    commands.push(input("cat >\"$work/whole\"", &whole));
    commands.extend([": >\"$work/gone\"", "choose_versions", "hold_services"].map(str::to_owned));
    commands.push("apt_install $(cat \"$work/chosen\")".to_owned());
    for kind in ["auto", "manual", "hold"] {
        let is_marked = |package: &PackageLine| match kind {
            "auto" => package.auto,
            "manual" => !package.auto,
            _ => package.held,
        };
        let marked = wanted.iter().filter(|(package, _)| is_marked(package));
        let names = lines(&mut marked.map(|(package, _)| name(package)));
        if !names.is_empty() {
            commands.push(input(&format!("mark {kind}"), &names));
        }
    }
    commands.extend(["release_services", "note_versions"].map(str::to_owned));
    let why = "in the versions that they had. Where repositories no longer have one, the newest takes its place, which is said \
               here and at the end; snapshot.debian.org has all that Debian ever had, and as a further repository keeps that from \
               happening";
    Some(Step::new(format!("Install {} packages", wanted.len()), why, commands))
}

/// Puts packages right that came in another version, when everything has been laid over them.
pub(super) fn repeat(facts: &Facts) -> Option<Step> {
    wanted(facts)?;
    let why = "for they lost what the machine had not; if there are none, nothing is done";
    let commands = vec!["repeat_others".to_owned()];
    Some(Step::new("Install packages once more that came in another version", why, commands))
}

/// Packages that a repository had, with how many paths are left to each; none if there are none. Those that were held back come
/// first: it is them that repositories drop.
fn wanted(facts: &Facts) -> Option<Vec<(&PackageLine, u64)>> {
    let all = facts.with_left_out("dpkg");
    let mut wanted: Vec<_> =
        all.filter(|(package, _)| package.available != PackageAvailability::Nowhere).collect();
    wanted.sort_by_key(|(package, _)| !package.held);
    Some(wanted).filter(|wanted| !wanted.is_empty())
}

/// A command that lines are given to.
fn input(command: &str, lines: &str) -> String {
    let end = if lines.is_empty() { "" } else { "\n" };
    format!("{command} <<'END'\n{lines}{end}END")
}

/// `name:architecture`, as `apt-get` takes it.
fn name(package: &PackageLine) -> String {
    match package.architecture.as_str() {
        "all" | "" => package.name.clone(),
        architecture => format!("{}:{architecture}", package.name),
    }
}
