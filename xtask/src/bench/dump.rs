//! Dumps of databases against the dump program with `pigz` behind it.
//!
//! What the servers use is in the wall time of both programs, and in the other quantities of neither.

use super::Common;
use super::case::{Side, compare, compare_sizes};
use super::report::{Quantity, Row, Target};
use super::setting::{Setting, shell, words};
use anyhow::{Context, Result};
use redcedar_testing::databases::{MariaDb, PostgreSql};
use redcedar_testing::pool::Pool;
use std::ffi::{OsStr, OsString};

/// What this benchmark is told on the command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// How much SQL the database is, in MB, more or less
    #[arg(long, value_name = "MB", default_value_t = 200)]
    size: u64,
    #[command(flatten)]
    common: Common,
}

type Case = fn(&str, &Setting, &Options) -> Result<Vec<Row>>;

/// All cases by name.
const CASES: &[(&str, Case)] = &[("dump-mysql-pigz", mysql), ("dump-postgresql-pigz", postgresql)];

/// What a row is in SQL, more or less.
const ROW: u64 = 200;

/// A row: a part that does not shrink, and one that does as text does.
const COLUMNS: &str = "concat(md5(concat('a', N)), md5(concat('b', N)), repeat(concat('item ', N % 977, ' of ', N % 31, '; '), 7))";

pub(crate) fn run(options: &Options) -> Result<Vec<Row>> {
    let cases = options.common.choose(CASES)?;
    let setting = Setting::make(&options.common)?;
    let mut rows = Vec::new();
    for (name, case) in cases {
        rows.extend(case(name, &setting, options)?);
    }
    Ok(rows)
}

fn mysql(name: &str, setting: &Setting, options: &Options) -> Result<Vec<Row>> {
    let server = MariaDb::required().context("this case needs MariaDB")?;
    let rows = options.size * 1_000_000 / ROW;
    let columns = COLUMNS.replace('N', "seq");
    eprintln!("filling a database …");
    server.ask(&format!(
        "create database bench; use bench; create table t (id int primary key, v text);
        insert into t select seq, {columns} from seq_1_to_{rows}"
    ));
    let home = setting.path("home");
    fs_err::create_dir_all(&home)?;
    fs_err::copy(server.option_file(), home.join(".my.cnf"))?;
    let dumping = Dumping {
        extension: "mysql",
        user: "root",
        environment: format!("HOME={}", home.display()),
        script: "mysqldump --databases -all --flush-logs --opt --user=root bench | pigz -p \"$1\" -6 >\"$2\"",
        file: "mysqldump-bench.txt.gz",
    };
    dumping.against_pigz(name, setting, options)
}

fn postgresql(name: &str, setting: &Setting, options: &Options) -> Result<Vec<Row>> {
    let server = PostgreSql::required().context("this case needs PostgreSQL")?;
    let rows = options.size * 1_000_000 / ROW;
    let columns = COLUMNS.replace('N', "n");
    eprintln!("filling a database …");
    server.ask("postgres", "create database bench");
    server.ask(
        "bench",
        &format!("create table t as select n as id, {columns} as v from generate_series(1, {rows}) n"),
    );
    let dumping = Dumping {
        extension: "postgresql",
        user: "postgres",
        environment: format!("PGHOST={}", server.host().display()),
        script: "pg_dump -U postgres bench | pigz -p \"$1\" -6 >\"$2\"",
        file: "postgresqldump-bench.txt.gz",
    };
    dumping.against_pigz(name, setting, options)
}

/// What the cases differ in.
struct Dumping {
    extension: &'static str,
    user: &'static str,
    /// What leads both sides to the server.
    environment: String,
    /// What a user would otherwise run.
    script: &'static str,
    /// What ours makes.
    file: &'static str,
}

impl Dumping {
    fn against_pigz(&self, name: &str, setting: &Setting, options: &Options) -> Result<Vec<Row>> {
        let Self { extension, user, environment, script, file } = self;
        let pool = Pool::at(&setting.path(extension))?;
        pool.configure_extension(
            extension,
            &format!("<user>{user}</user><compress_mode>gzip</compress_mode><database>bench</database>"),
        )?;
        let cores = std::thread::available_parallelism()?.to_string();
        let output = setting.path("pigz.txt.gz");
        let within = |command: Vec<OsString>| {
            let before = words(&[OsStr::new("env"), OsStr::new(environment)]);
            before.into_iter().chain(command).collect()
        };
        let ours = Side::new(within(setting.ours(&pool, &[extension])));
        let theirs = Side::new(within(shell(script, &[cores.as_ref(), output.as_os_str()])));
        let targets = [(Quantity::Wall, Target::AtMost(1.0))];
        let mut rows = compare(name, &ours, &theirs, options.common.runs, &targets)?;
        rows.push(compare_sizes(name, &pool.collect_dir().join(file), &output, Target::Shown)?);
        Ok(rows)
    }
}
