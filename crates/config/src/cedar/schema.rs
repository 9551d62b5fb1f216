//! Which elements there are, and where. Reading does not need this; telling people about what is ignored does.

/// What may be inside an element.
pub(super) struct Shape {
    pub(super) name: &'static str,
    pub(super) children: &'static [Child],
}

/// An element that may be inside another.
pub(super) struct Child {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
}

pub(super) enum Kind {
    /// One value.
    Scalar(Blanks),
    /// Values, as many as there are elements.
    List(Blanks),
    /// One element with others inside.
    Section(&'static Shape),
    /// As many elements with others inside as there are.
    Sections(&'static Shape),
}

/// What blanks around a value do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blanks {
    /// They are part of it, and hardly ever meant to be.
    Kept,
    /// They do not count, do not matter, or are an error anyway.
    Harmless,
}

impl Shape {
    pub(super) fn child(&self, name: &str) -> Option<&Child> {
        self.children.iter().find(|child| child.name == name)
    }
}

impl Child {
    pub(super) fn shape(&self) -> Option<&'static Shape> {
        match self.kind {
            Kind::Section(shape) | Kind::Sections(shape) => Some(shape),
            Kind::Scalar(_) | Kind::List(_) => None,
        }
    }
}

/// The sections of the official extensions, and of ours.
pub(super) const EXTENSIONS: &[&str] = &[
    "amazons3",
    "capacity",
    "encrypt",
    "git",
    "mbox",
    "mercurial",
    "mysql",
    "postgresql",
    "split",
    "sqlite",
    "subversion",
    "sysinfo",
];

const fn text(name: &'static str) -> Child {
    Child { name, kind: Kind::Scalar(Blanks::Kept) }
}

const fn value(name: &'static str) -> Child {
    Child { name, kind: Kind::Scalar(Blanks::Harmless) }
}

const fn texts(name: &'static str) -> Child {
    Child { name, kind: Kind::List(Blanks::Kept) }
}

const fn section(shape: &'static Shape) -> Child {
    Child { name: shape.name, kind: Kind::Section(shape) }
}

const fn sections(shape: &'static Shape) -> Child {
    Child { name: shape.name, kind: Kind::Sections(shape) }
}

/// The document.
pub(super) static ROOT: Shape = Shape {
    name: "cb_config",
    children: &[
        section(&Shape {
            name: "reference",
            children: &[value("author"), value("revision"), value("description"), value("generator")],
        }),
        section(&Shape { name: "extensions", children: &[value("order_mode"), sections(&ACTION)] }),
        section(&OPTIONS),
        section(&Shape { name: "peers", children: &[sections(&REMOTE_PEER)] }),
        section(&COLLECT),
        section(&Shape {
            name: "stage",
            children: &[
                text("staging_dir"),
                value("jobs"),
                value("peer_time_limit"),
                value("retries"),
                value("wait_until"),
                sections(&REMOTE_PEER),
            ],
        }),
        section(&STORE),
        section(&Shape {
            name: "purge",
            children: &[
                value("anomaly"),
                sections(&Shape {
                    name: "dir",
                    children: &[
                        text("abs_path"),
                        value("retain_days"),
                        value("keep_last"),
                        value("keep_daily"),
                        value("keep_weekly"),
                        value("keep_monthly"),
                        value("keep_yearly"),
                    ],
                }),
            ],
        }),
    ],
};

static ACTION: Shape = Shape {
    name: "action",
    children: &[
        text("name"),
        text("module"),
        text("function"),
        value("index"),
        section(&Shape { name: "depends", children: &[value("run_before"), value("run_after")] }),
        text("command"),
        text("section"),
        value("timeout"),
        text("run_as"),
    ],
};

static OPTIONS: Shape = Shape {
    name: "options",
    children: &[
        value("starting_day"),
        text("working_dir"),
        text("backup_user"),
        text("backup_group"),
        text("rcp_command"),
        text("rsh_command"),
        text("cback_command"),
        value("managed_actions"),
        value("managed_time_limit"),
        sections(&Shape { name: "override", children: &[text("command"), text("abs_path")] }),
        sections(&Shape { name: "pre_action_hook", children: HOOK }),
        sections(&Shape { name: "post_action_hook", children: HOOK }),
    ],
};

const HOOK: &[Child] = &[text("action"), text("command")];

/// A `peer` of type `remote`.
pub(super) static REMOTE_PEER: Shape = Shape {
    name: "peer",
    children: &[
        text("name"),
        value("type"),
        text("collect_dir"),
        value("ignore_failures"),
        text("backup_user"),
        text("rcp_command"),
        text("rsh_command"),
        text("cback_command"),
        value("managed"),
        value("managed_actions"),
        value("max_age"),
        value("keep_last"),
        value("keep_daily"),
        value("keep_weekly"),
        value("keep_monthly"),
        value("keep_yearly"),
    ],
};

/// A `peer` of type `local`.
pub(super) static LOCAL_PEER: Shape = Shape {
    name: "peer",
    children: &[
        text("name"),
        value("type"),
        text("collect_dir"),
        value("ignore_failures"),
        value("max_age"),
        value("keep_last"),
        value("keep_daily"),
        value("keep_weekly"),
        value("keep_monthly"),
        value("keep_yearly"),
    ],
};

static COLLECT: Shape = Shape {
    name: "collect",
    children: &[
        text("collect_dir"),
        value("collect_mode"),
        value("archive_mode"),
        text("ignore_file"),
        value("one_file_system"),
        value("exclude_caches"),
        section(&Shape { name: "exclude", children: &[texts("abs_path"), texts("pattern"), texts("glob")] }),
        sections(&Shape {
            name: "file",
            children: &[text("abs_path"), value("mode"), value("collect_mode"), value("archive_mode")],
        }),
        sections(&Shape {
            name: "dir",
            children: &[
                text("abs_path"),
                value("mode"),
                value("collect_mode"),
                value("archive_mode"),
                text("ignore_file"),
                value("link_depth"),
                value("dereference"),
                value("recursion_level"),
                value("one_file_system"),
                value("exclude_caches"),
                section(&Shape {
                    name: "exclude",
                    children: &[texts("abs_path"), texts("rel_path"), texts("pattern"), texts("glob")],
                }),
            ],
        }),
    ],
};

static STORE: Shape = Shape {
    name: "store",
    children: &[
        text("source_dir"),
        value("media_type"),
        value("device_type"),
        text("target_device"),
        value("target_scsi_id"),
        value("drive_speed"),
        value("check_data"),
        value("check_media"),
        value("warn_midnite"),
        value("no_eject"),
        value("refresh_media_delay"),
        value("eject_delay"),
        section(&Shape { name: "blank_behavior", children: &[value("mode"), value("factor")] }),
        value("burner"),
        value("media_size"),
        value("redundancy"),
        value("min_disc_age"),
        text("disc_program"),
    ],
};

#[cfg(test)]
mod tests {
    use super::*;

    fn check(shape: &Shape, document: &str) {
        for child in shape.children {
            let is_there = document.contains(&format!("`{}`", child.name))
                || document.contains(&format!("\n## {}\n", child.name));
            assert!(is_there, "{} in {}", child.name, shape.name);
            if let Some(shape) = child.shape() {
                check(shape, document);
            }
        }
    }

    #[test]
    fn every_element_is_documented() {
        check(&ROOT, include_str!("../../../../docs/configuration.md"));
    }
}
