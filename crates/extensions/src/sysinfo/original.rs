//! The files of the originals.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use redcedar_config::cedar::Options;
use redcedar_engine::extension::{Call, program};
use redcedar_system::command::{Command, Finished};
use redcedar_system::{Interrupted, escape};

use super::{Report, ReportError, print};

/// The name of the list of files.
pub(super) const FILE_LIST: &str = "ls-laR.txt.bz2";

/// What one program prints, if it is there.
pub(super) struct Listing {
    file: &'static str,
    /// Where the program is: with the originals, what an override has to name as well.
    program: &'static str,
    /// What people call it in an override.
    name: &'static str,
    argument: &'static str,
}

/// In the originals' order.
pub(super) const LISTINGS: [Listing; 2] = [
    Listing {
        file: "dpkg-selections.txt.bz2",
        program: "/usr/bin/dpkg",
        name: "dpkg",
        argument: "--get-selections",
    },
    Listing { file: "fdisk-l.txt.bz2", program: "/sbin/fdisk", name: "fdisk", argument: "-l" },
];

impl Listing {
    pub(super) fn report(&self, report: &mut Report<'_>) -> Result<(), Interrupted> {
        let substitute = self.substitute(&report.call.config.options);
        if substitute.is_none() && !is_program(Path::new(self.program)) {
            let Self { file, program, .. } = self;
            report.call.system.monitor.info(format!("[{program}] is not here: there is no [{file}]."));
            return Ok(());
        }
        let program = substitute.unwrap_or_else(|| self.program.to_owned());
        let command = Command::new(&program).arg(self.argument).time_limit(report.limit);
        report.file(self.file, |output, call| {
            let finished = print(&command, output, call)?;
            if !finished.success() {
                return Err(ReportError::Failed(finished.explain(&program)));
            }
            remark(&finished, &program, call);
            Ok(())
        })
    }

    /// What an override puts in the place of the program.
    fn substitute(&self, options: &Options) -> Option<String> {
        let names = [self.program, self.name].into_iter();
        names
            .map(|name| (name, program(name, options)))
            .find(|(name, program)| name != program)
            .map(|(_, p)| p)
    }
}

/// `ls` of everything. It never gets along without complaints, at least about `/proc`.
pub(super) fn list_all_files(report: &mut Report<'_>) -> Result<(), Interrupted> {
    let ls = program("ls", &report.call.config.options);
    let command = Command::new(&ls).args(["-laR", "/"]).time_limit(report.limit);
    report.file(FILE_LIST, |output, call| {
        let finished = print(&command, output, call)?;
        check_ls(&finished, &ls, call)
    })
}

/// Whether `ls` did what it could.
pub(super) fn check_ls(finished: &Finished, ls: &str, call: &Call<'_>) -> Result<(), ReportError> {
    match finished.status {
        0 => {}
        1 | 2 => call.system.monitor.info(finished.explain(ls)),
        _ => return Err(ReportError::Failed(finished.explain(ls))),
    }
    Ok(())
}

/// What a program complained about, although it succeeded.
fn remark(finished: &Finished, program: &str, call: &Call<'_>) {
    for line in &finished.tail {
        call.system.monitor.info(format!("[{}] {}", escape::display(program), escape::display(line)));
    }
}

fn is_program(path: &Path) -> bool {
    let mode = |path| -> io::Result<u32> { Ok(fs_err::metadata(path)?.permissions().mode()) };
    path.is_file() && mode(path).is_ok_and(|mode| mode & 0o111 != 0)
}
