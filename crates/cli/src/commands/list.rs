//! `redcedar list`: what there is.

use std::io;

use redcedar_restore::list::{ItemKind, ListedItem, ListedOther, Listing, list};
use serde::Serialize;

use super::source::SourceArgs;
use super::{CommandResult, Context, Out, snapshot};
use crate::exit::Exit;
use crate::output::human::{Count, Size};
use crate::output::json::{Document, JsonPath};
use crate::output::table::{Align, Table};

/// List what is there: days, machines, items
///
/// FILES are the paths that an archive's manifest lists: all of them in a full backup, what changed or went in an increment.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  redcedar list --from /mnt/backup
  redcedar list
  redcedar list --from /mnt/backup --json")]
pub(crate) struct Args {
    #[command(flatten)]
    source: SourceArgs,
}

pub(crate) fn run(args: &Args, context: &Context, out: &mut Out) -> CommandResult {
    if let Some(store) = args.source.snapshots()? {
        return snapshot::list_store(store, context, out);
    }
    let source = args.source.open(context)?;
    let listing = list(&source, args.source.peer.as_deref(), true);
    if context.global.json {
        out.json(&Document::new("list", JsonListing::new(&listing)))?;
    } else {
        write_table(&listing, out)?;
        tell(&listing, context);
    }
    Ok(Exit::Done)
}

fn write_table(listing: &Listing, out: &mut Out) -> io::Result<()> {
    let mut table = Table::new([
        ("DAY", Align::Left),
        ("MACHINE", Align::Left),
        ("ITEM", Align::Left),
        ("KIND", Align::Left),
        ("SIZE", Align::Right),
        ("FILES", Align::Right),
    ]);
    for day in &listing.days {
        for peer in &day.peers {
            for item in &peer.items {
                table.row([
                    day.date.to_string(),
                    peer.name.clone(),
                    name(item),
                    kind(item).to_owned(),
                    item.size.map_or_else(|| "-".to_owned(), |size| Size(size).to_string()),
                    item.paths.map_or_else(|| "-".to_owned(), |paths| Count(paths).to_string()),
                ]);
            }
            for ListedOther { name, size, kind, .. } in &peer.others {
                let (day, size) = (day.date.to_string(), Size(*size).to_string());
                let kind = kind.word().to_owned();
                table.row([day, peer.name.clone(), name.clone(), kind, size, "-".to_owned()]);
            }
        }
    }
    table.write(out)
}

/// What is wrong with the list.
fn tell(listing: &Listing, context: &Context) {
    let monitor = &context.system.monitor;
    for day in &listing.days {
        for (peer, item) in day.peers.iter().flat_map(|peer| peer.items.iter().map(move |item| (peer, item)))
        {
            let what = format!("{} of {}, {}", name(item), peer.name, day.date);
            if let Some(error) = &item.manifest_error {
                monitor.warning(format!("{what}: the manifest cannot be read: {error}"));
            }
            for fault in &item.faults {
                monitor.warning(format!("{what}: {fault}"));
            }
            if item.gap {
                monitor.warning(format!("{what}: what this increment builds on is missing"));
            }
        }
        for (peer, other) in
            day.peers.iter().flat_map(|peer| peer.others.iter().map(move |other| (peer, other)))
        {
            for fault in &other.faults {
                monitor.warning(format!("{} of {}, {}: {fault}", other.name, peer.name, day.date));
            }
        }
    }
    if let Some(reason) = &listing.locked {
        monitor.warning(format!("what is listed as encrypted could not be opened: {reason}"));
    }
}

fn name(item: &ListedItem) -> String {
    use redcedar_system::escape::display;
    item.path.as_ref().map_or_else(|| item.name.clone(), |path| display(path).to_string())
}

fn kind(item: &ListedItem) -> &'static str {
    match item.kind {
        ItemKind::Full => "full",
        ItemKind::Increment => "increment",
        ItemKind::Unknown if item.encrypted => "encrypted",
        ItemKind::Unknown => "unknown",
    }
}

#[derive(Serialize)]
struct JsonListing<'a> {
    sources: Vec<JsonPath>,
    entries: Vec<JsonEntry<'a>>,
    others: Vec<JsonOther<'a>>,
}

#[derive(Serialize)]
struct JsonEntry<'a> {
    day: String,
    peer: &'a str,
    item: &'a str,
    path: Option<JsonPath>,
    kind: &'static str,
    gap: bool,
    size: Option<u64>,
    files: Option<u64>,
    time: Option<&'a str>,
    encrypted: bool,
    parts: usize,
}

#[derive(Serialize)]
struct JsonOther<'a> {
    day: String,
    peer: &'a str,
    name: &'a str,
    kind: &'static str,
    size: u64,
    encrypted: bool,
    parts: usize,
}

impl<'a> JsonListing<'a> {
    fn new(listing: &'a Listing) -> Self {
        let (mut entries, mut others) = (Vec::new(), Vec::new());
        for day in &listing.days {
            for peer in &day.peers {
                entries.extend(peer.items.iter().map(|item| JsonEntry {
                    day: day.date.to_string(),
                    peer: &peer.name,
                    item: &item.name,
                    path: item.path.as_deref().map(Into::into),
                    kind: kind(item),
                    gap: item.gap,
                    size: item.size,
                    files: item.paths,
                    time: item.time.as_deref(),
                    encrypted: item.encrypted,
                    parts: item.parts,
                }));
                others.extend(peer.others.iter().map(|other| JsonOther {
                    day: day.date.to_string(),
                    peer: &peer.name,
                    name: &other.name,
                    kind: other.kind.word(),
                    size: other.size,
                    encrypted: other.encrypted,
                    parts: other.parts,
                }));
            }
        }
        Self {
            sources: listing.sources.iter().map(|source| source.as_path().into()).collect(),
            entries,
            others,
        }
    }
}
