//! What managed clients are asked for, by the original and by us. The substitute for `su` prints its arguments, so the log shows
//! them to the byte.

use super::oracle::Compare::Everything;
use super::oracle::{compare, edited, extensions, hook, with_config};

#[test]
fn managed_clients_are_asked_for_the_same_in_the_same_words() {
    compare(
        "managed",
        &[
            edited(with_config!["-d", "-M", "collect", "purge"], clients, Everything),
            edited(with_config!["-d", "-M", "-f", "purge", "collect"], clients, Everything),
            edited(with_config!["-O", "-N", "collect"], clients, Everything),
            edited(with_config!["-d", "-N", "all"], clients, Everything),
            edited(with_config!["-d", "-N", "--full", "all"], clients, Everything),
            edited(with_config!["-d", "-N", "validate"], clients, Everything),
            edited(with_config!["-d", "-N", "rebuild"], clients, Everything),
            edited(with_config!["-d", "-Nf", "initialize"], clients, Everything),
            edited(with_config!["-d", "-N", "store", "stage"], clients, Everything),
            edited(with_config!["-N", "purge"], clients, Everything),
            edited(with_config!["-d", "-N", "x"], clients, Everything),
            edited(
                with_config!["-d", "-N", "x", "collect"],
                |c| extensions(&clients(c), "", &[("x", "<index>50</index>")]),
                Everything,
            ),
            edited(
                with_config!["-d", "-Nf", "collect", "x"],
                |c| {
                    let place = "<depends><run_after>purge</run_after></depends>";
                    extensions(&clients(c), "dependency", &[("x", place)])
                },
                Everything,
            ),
            edited(
                with_config!["-d", "-N", "collect"],
                |c| hook(&clients(c), "pre", "collect", "echo no"),
                Everything,
            ),
            edited(
                with_config!["-d", "-M", "collect"],
                |c| hook(&clients(c), "post", "collect", "echo local"),
                Everything,
            ),
            edited(
                with_config!["-d", "-N", "collect"],
                |c| clients(c).replace("<managed>Y", "<managed>N"),
                Everything,
            ),
            edited(
                with_config!["-d", "-N", "purge", "collect"],
                |c| clients(c).replace("<managed_actions>purge<", "<managed_actions>,<"),
                Everything,
            ),
            edited(
                with_config!["-d", "-N", "purge", "collect"],
                |c| {
                    clients(c).replace(
                        "</staging_dir>",
                        "</staging_dir><peer><name>only</name><type>remote</type>\
                    <collect_dir>/c</collect_dir><managed>Y</managed></peer>",
                    )
                },
                Everything,
            ),
            edited(
                with_config!["-d", "-N", "collect"],
                |c| clients(c).replace("DIR/su", "/bin/false"),
                Everything,
            ),
        ],
    );
}

/// Adds clients that take everything from the options, nothing, and some of it; one fails.
fn clients(config: &str) -> String {
    let options = "<rsh_command>/usr/bin/ssh -x</rsh_command><cback_command>/usr/bin/cback3</cback_command>\
        <managed_actions>collect,purge,x,collect</managed_actions>\
        <override><command>su</command><abs_path>DIR/su</abs_path></override></options>";
    let client = |name: &str, own: &str| {
        format!(
            "<peer><name>{name}</name><type>remote</type><collect_dir>/c</collect_dir><managed>Y</managed>{own}</peer>"
        )
    };
    let own = "<backup_user>bob</backup_user><rsh_command>rsh -l &quot;a b&quot;</rsh_command>\
        <cback_command>sudo cback3 -q</cback_command>\
        <managed_actions>all,collect,stage,store,rebuild,validate,initialize</managed_actions>";
    let clients = [
        client("h1.example.com", ""),
        client("bad", "<managed_actions>collect,validate,x</managed_actions>"),
        client("h2", own),
        client("h3", "<backup_user>u</backup_user><managed_actions>purge</managed_actions>"),
    ];
    let peers = format!("{}</peers>", clients.concat());
    config.replace("</options>", options).replace("</peers>", &peers)
}
