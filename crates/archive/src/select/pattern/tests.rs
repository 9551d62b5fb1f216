use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use super::*;

fn matches(pattern: &str, name: &[u8]) -> bool {
    Pattern::compile(pattern).unwrap().matches(name).unwrap()
}

#[test]
fn a_pattern_accounts_for_the_whole_path_except_for_the_leak_of_alternations() {
    let table: [(&str, &[u8], bool); 24] = [
        ("tmp", b"/tmp", false),
        ("/tmp", b"/tmp", true),
        ("/tmp", b"/tmp/x", false),
        (".*tmp", b"/x.tmp\n", true),
        (".*tmp", b"/x.tmp\n\n", false),
        (".*tmp$", b"/x.tmp\n", true),
        (r".*tmp\Z", b"/x.tmp\n", false),
        (r".*\.o|.*\.tmp", b"/x/a.orig", true),
        (r".*\.o|.*\.tmp", b"/x/a.tmporary", false),
        (r".*\.o|.*\.tmp", b"/x/a.tmp", true),
        (r".*\.o$|.*\.tmp$", b"/x/a.orig", false),
        ("(a|b)", b"ab", false),
        ("/a.b", b"/a\nb", false),
        ("/a.b", b"/a\xffb", true),
        ("/a.b", b"/a\xc3\xa9b", true),
        ("/a.b", b"/a\xc3\xffb", false),
        ("/a..b", b"/a\xc3\xffb", true),
        ("/a[^x]b", b"/a\nb", true),
        ("(?i).*TMP", b"/x.tmp", true),
        ("(?s)/a.b", b"/a\nb", true),
        ("(?m)/a", b"/a\nb", true),
        ("(?x) /a  # comment", b"/a", true),
        ("", b"", true),
        ("", b"/", false),
    ];
    for (pattern, name, expected) in table {
        assert_eq!(matches(pattern, name), expected, "{pattern} on {}", name.escape_ascii());
    }
}

#[test]
fn what_only_a_backtracking_engine_can_do_works() {
    let table: [(&str, &[u8], bool); 14] = [
        ("/(?!keep).*", b"/keep", false),
        ("/(?!keep).*", b"/drop\xff", true),
        (r"/(.)\1", b"/xx", true),
        (r"/(.)\1", b"/xy", false),
        (r"/(.)\1", b"/\xff\xff", true),
        (r"/(.)\1", b"/\xff\xfe", false),
        (r"/(?P<c>.)(?P=c)", b"/xx", true),
        (r"(?i)/(.)\1", b"/xX", true),
        ("(a)?(?(1)b|c)", b"ab", true),
        ("(a)?(?(1)b|c)", b"b", false),
        ("a++a", b"aaa", false),
        ("(?>a|ab)c", b"abc", false),
        (r".*\bx\b.*", b"/a-x-b", true),
        (r".*\bx\b.*", b"/axb", false),
    ];
    for (pattern, name, expected) in table {
        assert_eq!(matches(pattern, name), expected, "{pattern} on {}", name.escape_ascii());
    }
}

#[test]
fn common_patterns_take_linear_time() {
    for pattern in [".*", r".*\.o$|.*\.tmp$", "(?i)(?P<x>a|b)+", r"[^/]*\Z", "a{,3}", "(a|b$)"] {
        assert!(matches!(Pattern::compile(pattern).unwrap().engine, Engine::Linear(_)), "{pattern}");
    }
}

#[test]
fn an_error_names_the_pattern_and_the_place() {
    let error = check("ab**").unwrap_err().to_string();
    assert_eq!(error, "invalid pattern `ab**`: multiple repeat (at character 4)");
}

#[test]
fn any_nesting_is_either_compiled_or_refused() {
    for depth in [90, 200, 100_000] {
        let _ = check(&"(".repeat(depth));
        let _ = Pattern::compile(&format!("{}a{}", "(?:".repeat(depth), ")*".repeat(depth)));
        let _ = Pattern::compile(&format!("{}a{}", "(?=".repeat(depth), ")".repeat(depth)));
    }
}

/// Patterns at the edges of the dialect, for the comparison with Python.
const EDGES: &[&str] = &[
    "a{2,1}",
    "a**",
    r"\z",
    r"\h",
    r"\p",
    "a{,3}",
    "[[:alpha:]]",
    "[[:alpha:]]+]",
    "(?i)a",
    "a(?i)",
    "(?P<n>a)(?P=n)",
    "(?<n>a)",
    "a++",
    "(?>a)",
    "{2}",
    "a{",
    "a{a",
    "x{2}{3}",
    "(?(1)a|b)",
    "(a)(?(1)a|b)",
    "(?(1)a|b)(x)",
    "(?(1)a|b|c)(x)",
    "(?(0)a)",
    "(?(x)a)",
    "[a--b]",
    r"\x1",
    r"\x61",
    r"\u12",
    r"\u0061",
    r"\U00000061",
    r"\U00110000",
    r"\8",
    r"\18",
    r"\07",
    r"\377",
    r"\400",
    r"[\8]",
    r"[\400]",
    r"[\1]",
    r"[\141]",
    r"\141",
    r"\0",
    r"\0141",
    "(?<=a|bb)c",
    "(?<=a*)c",
    ".(?<=a)c",
    ".(?<=[ab])c",
    "(?-i:a)",
    "(?i)a(?-i:a)",
    "(?a)a",
    "(?L)a",
    "(?u:a)",
    "(?au:a)",
    r"()\1",
    r"(\1)",
    r".(?<=(a))\1",
    r"(?<=(a)\1)",
    "(?P<a>x)(?P<a>y)",
    "(?i:a)b",
    "(?#",
    "(?#x)*",
    "a(?#x)*",
    r"(?#\))a",
    "a?+",
    "a*?",
    "a*?+",
    "a{1}+",
    "a{1}??",
    "$*",
    "^*",
    "(?=a)*a",
    "(?i)*",
    "()*",
    r"\b*",
    "[]a]",
    "[^]a]",
    "[]",
    "[z-a]",
    r"[a-\d]",
    r"[\d-a]",
    r"[\d-]",
    "[a-]",
    "[-a]",
    "[^-a]",
    "(?s-i:.)",
    "(?x) a b",
    "(?x)a +",
    "(?x)a+ +",
    "(?x)a{ 1}",
    r"(?x)\ a",
    "(?x)[a b#]",
    "(?x:a #",
    "(?x)a # b\nb",
    "(?x)a # b\\\nb\nb",
    r"[\b]",
    r"\G",
    "(?i)(?s)a",
    "(?a)(?u)a",
    "(?t)a",
    "(?t:a)",
    "a|(?i)b",
    "((?i)a)",
    "(?i",
    "(?i-",
    "(?i-s",
    "(?i:",
    "(?-",
    "(?-:a)",
    "(?i-i:a)",
    "(?-u:a)",
    "(?:^)*a",
    "(?:a*)*",
    "(?!)",
    "(?=)",
    "a{1",
    "a{1,",
    "a{,}",
    "a{}",
    "(?P<1>a)",
    "(?P>a)",
    "(?P",
    "(?",
    "(",
    "a)",
    ")",
    r"\",
    r"[a\",
    "a{4294967295}",
    "(?(1))(a)",
    "(?(1)|)(a)",
    "(a)?(?(1))b",
    r".(?<=\b)a",
    "(?<=(a)(?(1)a|b))",
    "(?i-:a)",
    "(?P<é>a)(?P=é)",
    "(?P<a b>a)",
    "(?P<>a)",
    "(?P=x)",
    "(?P=x",
    "(?P<x",
    "(?(",
    "(?(1",
    "(?z)",
    "|",
    "a|",
    "|a",
    "a||b",
    "^a",
    "a$",
    "a$b",
    r"a$\n",
    "(a$)",
    "(a$|b)",
    "^^a$$",
    r"\Aa\Z",
    r"a\Z|b",
    r"a$|b",
    r"\d\s\w",
    r"\D\S\W",
    r"[\d\s]",
    r"[^\d\s]",
    r"[\W]",
    r"[^\W]",
    r"[\D\d]",
    r"\w",
    r"(?a)\w",
    r"(?a)\W",
    r"(?a)\s",
    r"\s",
    r"\S",
    "(?i)é",
    "(?i)[é-ü]",
    "(?i)i",
    "(?i)ı",
    "(?i)[^i]",
    "(?ai)é",
    "(?ai)k",
    "(?i)k",
    "(?i)s",
    "(?i)ß",
    "(?i)[a-z]",
    "(?ai)[A-Z]",
    "(?i)σ",
    r"\udcff",
    r"[\udc80-\udcff]",
    r"[^\udcff]",
    r"[a-\uffff]",
    r"\ud800",
    r"[^\ud800]",
    r"\B.\B",
    r".\b.",
    r".\B.",
    r"(?a).\b.",
    "a{0}b",
    "(a){0}b",
    "(?:)",
    "(?:a|b)*?a",
    "(a*)*",
    "(a*)+",
    "(a|b)*?(?:ab)?",
    "(?:a?)*?b",
    "(?=(a))(?(1)ab|b)",
    "(?:(a)|b)*",
    "(?>a*)a",
    "(?>a*?)a",
    "a*+a",
    "a?+a",
    "(?:ab)++",
    "(?:a|ab)(?:c|bcd)(?:d*)",
    "(?m)a",
    "(?m)a$",
    "(?m)a$\nb",
    "(?m)a\n^b",
    "(?s).*",
];

/// The characters random patterns and names are made of.
const NAME_PARTS: &[&[u8]] = &[
    b"a",
    b"a",
    b"b",
    b"b",
    b"A",
    b"/",
    b".",
    b"1",
    b" ",
    b"\n",
    b"-",
    b"_",
    "é".as_bytes(),
    "É".as_bytes(),
    b"\xff",
    b"\xc3",
    "\u{345}".as_bytes(),
    "ı".as_bytes(),
    "\u{212a}".as_bytes(),
    "ς".as_bytes(),
    b"\x1c",
    "漢".as_bytes(),
    "²".as_bytes(),
    b"k",
    b"i",
    b"s",
];
const PIECES: &[&str] = &[
    "a", "b", "A", "é", "/", ".", ".", r"\.", r"\n", "-", "]", "}", "{", " ", "[ab]", "[^a]", "[a-c]",
    r"[^\n/]", r"\w", r"\W", r"\d", r"\s", r"[\w.]", r"[^\d]", "^", "$", r"\A", r"\Z", r"\b", r"\B", "(?:",
    "(", "(?=", "(?!", "(?<=a)", "(?<!b)", "(?<=", "(?>", "(?P<n>", ")", ")", ")", ")", "|", "|", "*", "+",
    "?", "*?", "+?", "??", "*+", "{2}", "{,2}", "{1,}", "{1,2}?", "{0,1}+", r"\1", "(?P=n)", "(?(1)", "(?i:",
    "(?s-i:", "(?#x)", "[", "[^]", r"\x61", r"\141", r"\u00e9",
];
const FLAGS: &[&str] = &["(?i)", "(?s)", "(?m)", "(?x)", "(?a)", "(?ai)", "(?is)"];

/// xorshift: the same cases in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// Mostly balanced, so that many are valid.
    fn pattern(&mut self) -> String {
        let mut pattern = String::new();
        if self.below(6) == 0 {
            pattern.push_str(self.pick(FLAGS));
        }
        let mut open = 0;
        for _ in 0..=self.below(8) {
            let piece = self.pick(PIECES);
            open += i32::from(piece.starts_with('(') && !piece.ends_with(')'));
            open -= i32::from(piece == ")");
            if open < 0 {
                open = 0;
                continue;
            }
            pattern.push_str(piece);
        }
        if self.below(10) > 0 {
            pattern.push_str(&")".repeat(usize::try_from(open).unwrap()));
        }
        pattern
    }

    fn name(&mut self) -> Vec<u8> {
        (0..=self.below(5)).flat_map(|_| self.pick(NAME_PARTS)).copied().collect()
    }
}

/// Reads a pattern and names a line, in hexadecimal; answers `-` or a digit a name.
const ORACLE: &str = r"
import re, sys, warnings
warnings.simplefilter('ignore')
for line in sys.stdin:
    pattern, *names = [bytes.fromhex(word).decode('utf-8', 'surrogateescape') for word in line.rstrip('\n').split(' ')]
    try:
        flags = re.compile(pattern).flags
    except (re.error, OverflowError, ValueError):
        print('-')
        continue
    body = re.sub(r'\A(\(\?[aimstux]+\))+', '', pattern)
    whole = re.compile('^' + body + ('\n$' if flags & re.X else '$'), flags)
    print(''.join('01'[whole.match(name) is not None] for name in names))
";

#[test]
fn thousands_of_patterns_mean_what_they_mean_in_python() {
    let mut random = Random(0x5eed_cafe_f00d_0001);
    let random_cases = std::iter::repeat_with(|| random.pattern()).take(6000).collect::<Vec<_>>();
    let fixed_names = NAME_PARTS.iter().map(|part| part.to_vec());
    let fixed_names = fixed_names.chain([
        b"ab".to_vec(),
        b"aab".to_vec(),
        b"abcd".to_vec(),
        b"a\n".to_vec(),
        b"a\nb".to_vec(),
    ]);
    let fixed_names = fixed_names.collect::<Vec<_>>();
    let mut cases: Vec<(String, Vec<Vec<u8>>)> =
        EDGES.iter().map(|pattern| ((*pattern).to_owned(), fixed_names.clone())).collect();
    for pattern in random_cases {
        cases.push((pattern, (0..12).map(|_| random.name()).collect()));
    }

    let answers = ask_python(&cases);
    assert_eq!(answers.lines().count(), cases.len());
    let (mut valid, mut beyond) = (0, 0);
    let mut differences = String::new();
    for ((pattern, names), expected) in cases.iter().zip(answers.lines()) {
        if check(pattern).is_ok() != (expected != "-") {
            writeln!(differences, "{pattern:?}: Python says {expected}, we {:?}", check(pattern)).unwrap();
            continue;
        }
        if expected == "-" {
            continue;
        }
        valid += 1;
        let compiled = match Pattern::compile(pattern) {
            Ok(compiled) => compiled,
            Err(error) => {
                beyond += 1;
                println!("beyond us: {error}");
                continue;
            }
        };
        for (name, expected) in names.iter().zip(expected.chars()) {
            let matched = compiled.matches(name);
            if matched != Ok(expected == '1') {
                let name = name.escape_ascii();
                writeln!(differences, "{pattern:?} on {name}: Python says {expected}, we {matched:?}")
                    .unwrap();
            }
        }
    }
    assert!(differences.is_empty(), "{differences}");
    assert!(valid > 2000, "{valid} valid patterns");
    assert!(beyond * 100 < valid, "{beyond} of {valid} patterns are beyond the engines");
}

#[expect(clippy::disallowed_methods, reason = "the oracle of this test only")]
fn ask_python(cases: &[(String, Vec<Vec<u8>>)]) -> String {
    let hexadecimal =
        |bytes: &[u8]| bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    let mut input = String::new();
    for (pattern, names) in cases {
        input.push_str(&hexadecimal(pattern.as_bytes()));
        for name in names {
            write!(input, " {}", hexadecimal(name)).unwrap();
        }
        input.push('\n');
    }
    let mut python = Command::new("python3")
        .args(["-I", "-c", ORACLE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = python.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = python.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}
