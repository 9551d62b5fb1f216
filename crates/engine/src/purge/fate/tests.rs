use std::collections::{BTreeMap, BTreeSet};

use jiff::Span;
use proptest::prelude::*;
use redcedar_archive::manifest::Mode;
use redcedar_restore::chain;

use super::*;

const TODAY: Date = Date::constant(2026, 11, 24);

fn ago(days: i64) -> Date {
    TODAY - Span::new().days(days)
}

/// What there was so many days ago: `peer` for one that was staged completely, `peer?` for one that was not, each with its items
/// behind colons: `etc=a` (full, of run a), `etc=b<a` (of run b, building on a), `etc` (nothing says it).
fn day(days: i64, peers: &str) -> Day {
    let item = |text: &str| match text.split_once('=') {
        None => (OsString::from(text), None),
        Some((name, link)) => {
            let (run, baseline) = link.split_once('<').map_or((link, None), |(run, base)| (run, Some(base)));
            (OsString::from(name), Some(Link { run: run.into(), baseline: baseline.map(Into::into) }))
        }
    };
    let peers = peers.split_whitespace().map(|peer| {
        let mut parts = peer.split(':');
        let name = parts.next().unwrap();
        let is_complete = !name.ends_with('?');
        let items = parts.map(item).collect();
        let name = OsString::from(name.trim_end_matches('?'));
        (name, PeerDay { is_complete, items, ..PeerDay::default() })
    });
    Day { date: ago(days), is_old: days >= 7, is_marked: false, peers: peers.collect() }
}

fn rules(policy: &Policy) -> Rules<'_> {
    static NOBODY: BTreeSet<OsString> = BTreeSet::new();
    static NONE: BTreeMap<OsString, Policy> = BTreeMap::new();
    let starting_day = Weekday::Sunday;
    Rules { policy, of_peers: &NONE, retain_days: 7, starting_day, held: &NOBODY, now: TODAY.at(2, 30, 0, 0) }
}

/// How old the days are that stay, oldest first, each with the words for its reasons.
fn kept_by(days: &[Day], rules: &Rules<'_>) -> String {
    let fates = fates(days, rules).unwrap();
    let kept = fates.iter().filter(|fate| !fate.goes()).map(|fate| {
        let words: Vec<_> = fate.reasons.iter().map(Why::word).collect();
        format!("{} {}", (TODAY - fate.date).get_days(), words.join(" "))
    });
    kept.collect::<Vec<_>>().join(", ")
}

fn kept(days: &[Day]) -> String {
    kept_by(days, &rules(&Policy::default()))
}

#[test]
fn what_is_old_goes_but_for_the_newest_complete_day_of_each_peer() {
    let days = [day(9, "web db"), day(8, "web db?"), day(7, "web"), day(6, "web?"), day(5, "cd?")];
    assert_eq!(kept(&days), "9 newest, 7 newest, 6 young, 5 young newest");
    // A peer without any complete day keeps what there is.
    assert_eq!(kept(&[day(9, "web?"), day(8, "web?"), day(1, "db")]), "8 newest, 1 young newest");
    let fates = fates(&[day(9, "web db")], &rules(&Policy::default())).unwrap();
    assert_eq!(fates[0].reasons[0].to_string(), "the newest of db, web");
}

#[test]
fn rules_count_complete_days_of_each_peer() {
    let days = [
        day(60, "web db"),
        day(40, "web db"),
        day(30, "web db?"),
        day(29, "web?"),
        day(9, "web"),
        day(8, "web"),
    ];
    let policy = Policy { monthly: 2, ..Policy::default() };
    // November the 16th, October the 26th; and of db October the 15th and September the 25th.
    assert_eq!(kept_by(&days, &rules(&policy)), "60 rule, 40 rule newest, 30 rule, 8 rule newest");
    let policy = Policy { last: 1, daily: 1, ..Policy::default() };
    let fates = fates(&[day(7, "web"), day(6, "web?")], &rules(&policy)).unwrap();
    let reasons: Vec<String> = fates[0].reasons.iter().map(ToString::to_string).collect();
    assert_eq!(reasons, ["one of the last", "daily", "the newest of web"]);
}

#[test]
fn what_a_kept_increment_builds_on_stays_with_what_that_builds_on() {
    let days = [
        day(12, "web:etc=a"),
        day(11, "web:etc=b<a"),
        day(10, "web:etc=c<b"),
        // It was not picked up, so that the next one covers it.
        day(9, "web:etc=d<c"),
        day(6, "web:etc=e<c"),
    ];
    assert_eq!(kept(&days), "12 needed, 11 needed, 10 needed, 6 young newest");
    let fates = fates(&days, &rules(&Policy::default())).unwrap();
    assert_eq!(fates[2].reasons[0].to_string(), "etc of web on 2026-11-18 builds on it");
    // Each item of each peer for itself.
    let days = [
        day(12, "web:etc=a db:x=a"),
        day(11, "web:etc=b db:x=b"),
        day(10, "web:home=h"),
        day(6, "web:etc=c<b:home=i<h db:x=c"),
    ];
    assert_eq!(kept(&days), "11 needed, 10 needed, 6 young newest");
}

#[test]
fn archives_of_which_nothing_is_known_go_by_age_unless_a_chain_spans_them() {
    let days = [day(12, "web:etc"), day(11, "web:etc"), day(6, "web:etc")];
    assert_eq!(kept(&days), "6 young newest");
    let days = [day(12, "web:etc=a"), day(11, "web:etc"), day(10, "web:home"), day(6, "web:etc=b<a")];
    assert_eq!(kept(&days), "12 needed, 11 needed, 6 young newest");
    // What it builds on is not there.
    assert_eq!(kept(&[day(12, "web:etc=a"), day(6, "web:etc=c<b")]), "6 young newest");
}

#[test]
fn marked_days_and_those_of_held_peers_stay() {
    let marked = Day { is_marked: true, ..day(12, "db") };
    let days = [marked, day(11, "web"), day(10, "db"), day(6, "web db")];
    assert_eq!(kept(&days), "12 marked, 6 young newest");
    let policy = Policy::default();
    let held = BTreeSet::from(["web".into()]);
    assert_eq!(
        kept_by(&days, &Rules { held: &held, ..rules(&policy) }),
        "12 marked, 11 held, 6 young newest held"
    );
}

#[test]
fn a_day_of_the_future_decides_nothing() {
    let days = |future| [day(7, "web"), day(6, "web"), day(future, "web")];
    let error = fates(&days(-2), &rules(&Policy::default())).unwrap_err();
    assert!(error.to_string().contains("2026-11-26"), "{error}");
    // A day is what time zones can make of it.
    assert_eq!(kept(&days(-1)), "6 young, -1 young newest");
}

#[test]
fn days_before_a_jump_stay() {
    let days = [day(402, "web"), day(401, "web"), day(1, "web"), day(0, "web")];
    assert_eq!(kept(&days), "402 jump, 401 jump, 1 young, 0 young newest");
    assert_eq!(
        kept(&[day(402, "web"), day(2, "web"), day(1, "web"), day(0, "web")]),
        "2 young, 1 young, 0 young newest"
    );
}

#[test]
fn a_peer_may_have_rules_of_its_own() {
    let days = [day(60, "web db"), day(40, "web db"), day(9, "web db"), day(8, "web db")];
    let (general, own) =
        (Policy { last: 2, ..Policy::default() }, Policy { monthly: 2, ..Policy::default() });
    let of_peers = BTreeMap::from([("db".into(), own)]);
    let rules = Rules { of_peers: &of_peers, ..rules(&general) };
    assert_eq!(kept_by(&days, &rules), "40 rule, 9 rule, 8 rule rule newest");
    let fates = fates(&days, &rules).unwrap();
    assert_eq!(fates[1].reasons[0].to_string(), "monthly, for db");
    assert_eq!(fates[2].reasons[0].to_string(), "one of the last");
    // One that says nothing leaves nothing but the newest.
    let of_peers = BTreeMap::from([("db".into(), Policy::default())]);
    assert_eq!(kept_by(&days, &Rules { of_peers: &of_peers, ..rules }), "9 rule, 8 rule newest");
}

#[test]
fn what_does_not_say_what_it_builds_on_keeps_its_days_back_to_the_starting_day() {
    // Today is a Tuesday; the Sundays are 2, 9 and 16 days ago.
    let with_mail = |days: i64| {
        let mut day = day(days, "web:etc");
        day.peers.get_mut(OsStr::new("web")).unwrap().on_days.insert("mbox-x".into());
        day
    };
    let days: Vec<Day> = (1..=12).rev().map(with_mail).collect();
    let kept = kept(&days);
    assert!(kept.starts_with("9 needed, 8 needed, 7 needed, 6 young"), "{kept}");
    // The Sunday is missing: what is there of the week before, back to its Sunday.
    let days: Vec<Day> = (1..=18).rev().filter(|age| *age != 9).map(with_mail).collect();
    let kept = kept_by(&days, &rules(&Policy::default()));
    assert!(kept.starts_with("16 needed, 15 needed"), "{kept}");
}

/// What an archive is: nothing, one of the original's, a full one, an increment on the one so many before.
#[derive(Debug, Clone, Copy)]
enum Made {
    Nothing,
    Unknown,
    Full,
    Increment(usize),
}

fn made() -> impl Strategy<Value = Made> {
    prop_oneof![
        1 => Just(Made::Nothing),
        1 => Just(Made::Unknown),
        2 => Just(Made::Full),
        6 => (1_usize..3).prop_map(Made::Increment),
    ]
}

type PeerHistory = Vec<(bool, Made, Made)>;

/// Days with the runs of each item counting up.
fn history(ages: &BTreeSet<i64>, peers: &[PeerHistory], retain_days: i64, marks: &[bool]) -> Vec<Day> {
    let mut days: Vec<Day> = ages
        .iter()
        .rev()
        .zip(marks)
        .map(|(age, is_marked)| Day {
            date: ago(*age),
            is_old: *age >= retain_days,
            is_marked: *is_marked,
            peers: BTreeMap::new(),
        })
        .collect();
    for (number, peer) in peers.iter().enumerate() {
        let mut runs = [0_usize, 0];
        for (day, (is_complete, first, second)) in days.iter_mut().zip(peer) {
            let mut items = BTreeMap::new();
            for (item, made) in [first, second].into_iter().enumerate() {
                let link = match made {
                    Made::Nothing => continue,
                    Made::Unknown => None,
                    Made::Full => Some(None),
                    Made::Increment(back) => Some(runs[item].checked_sub(*back).map(|run| run.to_string())),
                };
                let link = link.map(|baseline| Link { run: runs[item].to_string(), baseline });
                runs[item] += usize::from(link.is_some());
                items.insert(format!("item{item}").into(), link);
            }
            let of_peer = PeerDay { is_complete: *is_complete, items, ..PeerDay::default() };
            day.peers.insert(format!("peer{number}").into(), of_peer);
        }
    }
    days
}

/// The days whose archives `restore` puts together for an item as of the last of `days`; none unless it can be sure of them.
fn restored_from(days: &[&Day], peer: &OsStr, item: &OsStr) -> Option<Vec<Date>> {
    let with_item: Vec<(Date, &Option<Link>)> =
        days.iter().filter_map(|day| Some((day.date, day.peers.get(peer)?.items.get(item)?))).collect();
    let dates: Vec<Date> = with_item.iter().map(|(date, _)| *date).collect();
    let facts = |place: usize| {
        with_item[place].1.as_ref().map(|Link { run, baseline }| chain::Facts {
            mode: if baseline.is_some() { Mode::Incremental } else { Mode::Full },
            run: run.clone(),
            baseline: baseline.clone(),
        })
    };
    let chain = chain::plan(&dates, facts, None);
    let is_sure = chain.caveats.iter().all(|caveat| matches!(caveat, chain::Caveat::DeletionsUnknown { .. }));
    (is_sure && !chain.links.is_empty()).then(|| chain.links.iter().map(|place| dates[*place]).collect())
}

proptest! {
    #[test]
    fn whatever_goes_each_day_that_stays_is_restored_from_the_same_archives_and_the_newest_good_one_stays(
        ages in proptest::collection::btree_set(0_i64..60, 1..24),
        peers in proptest::collection::vec(
            proptest::collection::vec((proptest::bool::weighted(0.8), made(), made()), 24), 1..3),
        marks in proptest::collection::vec(proptest::bool::weighted(0.05), 24),
        retain_days in 0_i64..20, last in 0_u32..3, weekly in 0_u32..4, monthly in 0_u32..3,
    ) {
        let days = history(&ages, &peers, retain_days, &marks);
        let policy = Policy { last, weekly, monthly, ..Policy::default() };
        let rules = Rules { retain_days: retain_days.unsigned_abs(), ..rules(&policy) };
        let fates = fates(&days, &rules).unwrap();
        let stays = |place: usize| !fates[place].goes();
        for place in (0..days.len()).filter(|place| stays(*place)) {
            let before: Vec<&Day> = days[..=place].iter().collect();
            let after: Vec<&Day> = (0..=place).filter(|place| stays(*place)).map(|place| &days[place]).collect();
            for (peer, of_peer) in &days[place].peers {
                // Archives without manifests go by age, whatever they build on.
                let known = of_peer.items.iter().filter(|(_, link)| link.is_some());
                for (item, _) in known {
                    if let Some(expected) = restored_from(&before, peer, item) {
                        prop_assert_eq!(restored_from(&after, peer, item), Some(expected), "{:?} {:?}", peer, item);
                    }
                }
            }
        }
        for peer in days.iter().flat_map(|day| day.peers.keys()) {
            let newest = days.iter().rposition(|day| day.is_complete(peer));
            prop_assert!(newest.is_none_or(stays), "{:?}", peer);
            prop_assert!((0..days.len()).any(|place| stays(place) && days[place].peers.contains_key(peer)));
        }
        // Nothing is kept without a reason, and nothing young goes.
        prop_assert!(days.iter().zip(&fates).all(|(day, fate)| day.is_old || !fate.goes()));
    }
}
