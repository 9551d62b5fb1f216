//! Configurations and whether they are accepted. The same table is put to our reader (`acceptance.rs`) and to the original
//! (`oracle.rs`).

macro_rules! with_dir {
    ($dir:literal) => {
        concat!(
            "<options><starting_day>monday</starting_day><working_dir>",
            $dir,
            "</working_dir><backup_user>u</backup_user><backup_group>g</backup_group>",
            "<rcp_command>c</rcp_command></options><purge/>"
        )
    };
}

macro_rules! minimal {
    () => {
        with_dir!("/w")
    };
}

/// A valid configuration with every element of the originals in it. Cases replace parts of it.
pub(crate) const BASE: &str = include_str!("base.conf");

/// Replacements in [`BASE`], in words of their own line, and whether what comes out is accepted.
pub(crate) fn cases() -> Vec<(String, bool)> {
    let mut all = vec![(BASE.to_owned(), true)];
    let tables: [&[Case]; 10] =
        [VALUES, PRESENCE, EXTENSIONS, PEERS, COLLECT, STAGE, STORE, TEXT, ELEMENTS, DOCUMENT];
    for (old, new, accepted) in tables.concat() {
        assert_eq!(BASE.matches(old).count(), 1, "{old:?} must be in the base once");
        all.push((BASE.replacen(old, new, 1), accepted));
    }
    all.extend(DOCUMENTS.iter().map(|(text, accepted)| ((*text).to_owned(), *accepted)));
    all
}

type Case = (&'static str, &'static str, bool);

const DAY: &str = "<starting_day>tuesday</starting_day>";
const WORK: &str = "<working_dir>/w</working_dir>";
const LEVEL: &str = "<recursion_level>-1</recursion_level>";
const DEPTH: &str = "<link_depth>2</link_depth>";
const DEREFERENCE: &str = "<dereference>Y</dereference>";
const SPEED: &str = "<drive_speed>4</drive_speed>";
const FACTOR: &str = "<factor>1.3</factor>";
const SCSI: &str = "<target_scsi_id>0,0,0</target_scsi_id>";
const PATTERN: &str = "<pattern>.*tmp</pattern>";
const MANAGED: &str = "<managed_actions>collect, purge</managed_actions>";

const VALUES: &[Case] = &[
    (DAY, "<starting_day>Tuesday</starting_day>", false),
    (DAY, "<starting_day> tuesday</starting_day>", false),
    (DAY, "<starting_day>tuesday\n</starting_day>", false),
    (WORK, "<working_dir>w</working_dir>", false),
    (WORK, "<working_dir> /w</working_dir>", false),
    (WORK, "<working_dir>/w \n</working_dir>", true),
    (WORK, "<working_dir>/../w//x/</working_dir>", true),
    (DEREFERENCE, "<dereference>y</dereference>", true),
    (DEREFERENCE, "<dereference>yes</dereference>", false),
    (DEREFERENCE, "<dereference>true</dereference>", false),
    (DEREFERENCE, "<dereference> Y</dereference>", false),
    (DEREFERENCE, "<dereference> </dereference>", false),
    (LEVEL, "<recursion_level> +007\n</recursion_level>", true),
    (LEVEL, "<recursion_level>1_000</recursion_level>", true),
    (LEVEL, "<recursion_level>1__0</recursion_level>", false),
    (LEVEL, "<recursion_level>_1</recursion_level>", false),
    (LEVEL, "<recursion_level>٣</recursion_level>", true),
    (LEVEL, "<recursion_level>²</recursion_level>", false),
    (LEVEL, "<recursion_level>99999999999999999999999999</recursion_level>", true),
    (LEVEL, "<recursion_level>5.0</recursion_level>", false),
    (LEVEL, "<recursion_level>0x5</recursion_level>", false),
    (LEVEL, "<recursion_level>1e3</recursion_level>", false),
    (LEVEL, "<recursion_level> </recursion_level>", false),
    (LEVEL, "<recursion_level>- 1</recursion_level>", false),
    (DEPTH, "<link_depth>-1</link_depth>", false),
    (SPEED, "<drive_speed>0</drive_speed>", false),
    (SPEED, "<drive_speed>1</drive_speed>", true),
    (FACTOR, "<factor> 1_0.5e-1 </factor>", true),
    (FACTOR, "<factor>.5</factor>", true),
    (FACTOR, "<factor>5.</factor>", true),
    (FACTOR, "<factor>.</factor>", false),
    (FACTOR, "<factor>NaN</factor>", true),
    (FACTOR, "<factor>-inf</factor>", false),
    (FACTOR, "<factor>Infinity</factor>", true),
    (FACTOR, "<factor>-0.1</factor>", false),
    (FACTOR, "<factor>-0.0</factor>", true),
    (FACTOR, "<factor>1,3</factor>", false),
    (FACTOR, "<factor>1_.3</factor>", false),
    (FACTOR, "<factor>0x1p3</factor>", false),
    (SCSI, "<target_scsi_id> ATA: 1 , 0,0 </target_scsi_id>", true),
    (SCSI, "<target_scsi_id>a:b:1,0,0</target_scsi_id>", true),
    (SCSI, "<target_scsi_id>1,0</target_scsi_id>", false),
    (SCSI, "<target_scsi_id>٣,0,0</target_scsi_id>", false),
    (SCSI, "<target_scsi_id>IOCompactDiscServices/2</target_scsi_id>", true),
    (SCSI, "<target_scsi_id>IOServices/1/2</target_scsi_id>", false),
    (SCSI, "<target_scsi_id>\n1,0,0\n</target_scsi_id>", true),
    (MANAGED, "<managed_actions>,</managed_actions>", false),
    (MANAGED, "<managed_actions> \n</managed_actions>", false),
    (MANAGED, "<managed_actions>a,\n b ,,c</managed_actions>", true),
    (MANAGED, "<managed_actions>a b</managed_actions>", false),
    (MANAGED, "<managed_actions>Collect</managed_actions>", false),
    (MANAGED, "<managed_actions>a_b</managed_actions>", false),
    (PATTERN, "<pattern>a|b</pattern>", true),
    (PATTERN, "<pattern>(?i)a</pattern>", true),
    (PATTERN, "<pattern>a(?i)</pattern>", false),
    (PATTERN, "<pattern>*</pattern>", false),
    (PATTERN, "<pattern>(</pattern>", false),
    (PATTERN, "<pattern>[[:alpha:]]</pattern>", true),
    (PATTERN, "<pattern>\\z</pattern>", false),
    (PATTERN, "<pattern>\\Z</pattern>", true),
    (PATTERN, "<pattern>a{,3}</pattern>", true),
    (PATTERN, "<pattern>a{2,1}</pattern>", false),
    (PATTERN, "<pattern>(?P&lt;n>a)(?P=n)</pattern>", true),
    (PATTERN, "<pattern>(?&lt;=a+)b</pattern>", false),
    (PATTERN, "<pattern>a++</pattern>", true),
    (PATTERN, "<pattern>\\p{L}</pattern>", false),
    (PATTERN, "<pattern>\n foo \n</pattern>", true),
];

const PRESENCE: &[Case] = &[
    (DAY, "", false),
    (DAY, "<starting_day/>", false),
    (WORK, "", false),
    ("<backup_user>root</backup_user>", "", false),
    ("<backup_user>root</backup_user>", "<backup_user> </backup_user>", true),
    ("<backup_group>root</backup_group>", "", false),
    ("<rcp_command>/usr/bin/scp -B</rcp_command>", "", false),
    (
        "<override><command>cdrecord</command><abs_path>/opt/cdrecord</abs_path></override>",
        "<override/>",
        true,
    ),
    (
        "<override><command>cdrecord</command><abs_path>/opt/cdrecord</abs_path></override>",
        "<override><abs_path>x</abs_path></override>",
        false,
    ),
    ("<action>collect</action>", "", true),
    ("<action>collect</action>", "<action>Collect</action>", false),
    ("<action>collect</action>", "<action>nosuch</action>", true),
    ("<action>collect</action>", "<action>collect\n</action>", true),
    ("<retain_days>7</retain_days>", "", false),
    ("<retain_days>7</retain_days>", "<retain_days>-7</retain_days>", false),
    ("<dir><abs_path>/opt/stage</abs_path><retain_days>7</retain_days></dir>", "", true),
    ("<dir><abs_path>/opt/stage</abs_path><retain_days>7</retain_days></dir>", "<dir/>", false),
    ("<abs_path>/opt/stage</abs_path>", "<abs_path>/</abs_path>", true),
    ("<author>me</author>", "", true),
    ("<reference>", "<x/><reference>", true),
];

const EXTENSIONS: &[Case] = &[
    ("<order_mode>index</order_mode>", "", true),
    ("<order_mode>index</order_mode>", "<order_mode>other</order_mode>", false),
    ("<order_mode>index</order_mode>", "<order_mode>dependency</order_mode>", false),
    ("<index>99</index>", "", false),
    ("<index>99</index>", "<index>-1</index>", false),
    ("<index>99</index>", "<depends><run_before>A</run_before></depends><index>99</index>", false),
    ("<index>99</index>", "<depends/><index>99</index>", true),
    ("<name>database</name>", "", false),
    ("<name>database</name>", "<name>Database</name>", false),
    ("<module>CedarBackup3.extend.mysql</module>", "", false),
    ("<module>CedarBackup3.extend.mysql</module>", "<module>a..b</module>", false),
    ("<module>CedarBackup3.extend.mysql</module>", "<module>9a</module>", false),
    ("mysql</module><function>executeAction</function>", "mysql</module>", false),
    ("mysql</module><function>executeAction</function>", "mysql</module><function>a.b</function>", false),
    (
        "<action><name>repositories</name><module>CedarBackup3.extend.subversion</module>\
         <function>executeAction</function><index>98</index></action>",
        "<action><name>database</name><module>CedarBackup3.extend.subversion</module>\
         <function>executeAction</function><index>98</index></action>",
        false,
    ),
    (
        "<action><name>repositories</name><module>CedarBackup3.extend.subversion</module>\
         <function>executeAction</function><index>98</index></action>",
        "",
        true,
    ),
];

const LOCAL: &str = "<peer><name>here</name><type>local</type><collect_dir>/opt/collect</collect_dir></peer>";
const NO_ACTIONS: &str = "<managed_actions> , </managed_actions>";

const PEERS: &[Case] = &[
    (LOCAL, "", true),
    (LOCAL, "<peer><name>here</name><type>local</type></peer>", false),
    (LOCAL, "<peer><type>local</type><collect_dir>/opt/collect</collect_dir></peer>", false),
    (LOCAL, "<peer><type>Local</type></peer>", true),
    (LOCAL, "<peer><type> local</type></peer>", true),
    (LOCAL, "<peer/>", true),
    (LOCAL, "<peer><name>there</name><type>local</type><collect_dir>/c</collect_dir></peer>", false),
    (LOCAL, "<peer><name>There</name><type>local</type><collect_dir>/c</collect_dir></peer>", true),
    (
        LOCAL,
        "<peer><name>h</name><type>local</type><collect_dir>/c</collect_dir><managed>x</managed></peer>",
        true,
    ),
    (
        LOCAL,
        "<peer><name>h</name><type>local</type><collect_dir>/c</collect_dir>\
         <ignore_failures>x</ignore_failures></peer>",
        false,
    ),
    ("<type>remote</type>\n", "", true),
    ("<managed>Y</managed>", "<managed>X</managed>", false),
    ("<ignore_failures>daily</ignore_failures>", "<ignore_failures>never</ignore_failures>", false),
    ("<rsh_command>/usr/bin/ssh</rsh_command>", "", false),
    ("<cback_command>/usr/bin/cback3</cback_command>", "", false),
    (MANAGED, "", false),
    (MANAGED, NO_ACTIONS, false),
    (MANAGED, "<managed_actions>purge</managed_actions>", true),
    ("<managed>Y</managed>", "<managed>Y</managed><managed_actions>,</managed_actions>", true),
    ("<managed>Y</managed>", "<managed>N</managed><managed_actions>A</managed_actions>", false),
];

const COLLECT: &[Case] = &[
    ("<collect_dir>/opt/backup/collect</collect_dir>\n", "", false),
    ("<collect_mode>weekly</collect_mode>", "", false),
    ("<collect_mode>weekly</collect_mode>", "<mode>weekly</mode>", false),
    ("<collect_mode>weekly</collect_mode>", "<collect_mode>monthly</collect_mode>", false),
    ("<archive_mode>targz</archive_mode>", "", false),
    ("<archive_mode>targz</archive_mode>", "<archive_mode>tgz</archive_mode>", false),
    ("<ignore_file>.cbignore</ignore_file>", "", false),
    ("<ignore_file>.cbignore</ignore_file>", "<ignore_file>a/b</ignore_file>", true),
    ("<mode>incr</mode>", "<mode>incr</mode><collect_mode>x</collect_mode>", true),
    ("<mode>incr</mode>", "<mode/><collect_mode>incr</collect_mode>", true),
    ("<mode>incr</mode>", "<mode>x</mode><collect_mode>incr</collect_mode>", false),
    ("<mode>incr</mode>", "", true),
    ("<file><abs_path>/etc/passwd</abs_path></file>", "<file/>", false),
    ("<file><abs_path>/etc/passwd</abs_path></file>", "", true),
    ("<file><abs_path>/etc/passwd</abs_path></file>", "<file><abs_path>x</abs_path></file>", false),
    ("<file><abs_path>/etc/passwd</abs_path></file>", "<dir><abs_path>/home</abs_path></dir>", true),
    (DEPTH, "<link_depth>0</link_depth>", false),
    (DEPTH, "", false),
    (DEREFERENCE, "<dereference>N</dereference><link_depth>0</link_depth>", true),
    ("<rel_path>cache</rel_path>", "<rel_path>/cache</rel_path>", true),
    ("<exclude><abs_path>/home/x</abs_path>", "<exclude><abs_path>home/x</abs_path>", false),
    ("<exclude><abs_path>/home/x</abs_path>", "<exclude/><exclude><abs_path>home/x</abs_path>", true),
    ("<exclude><pattern>.*bak</pattern>", "<exclude><rel_path>x</rel_path><pattern>[</pattern>", false),
    ("<exclude><pattern>.*bak</pattern>", "<exclude><rel_path>x</rel_path><pattern/>", true),
    (LEVEL, "<recursion_level/>", true),
];

const STAGE_PEER: &str =
    "<peer><name>here</name><type>local</type><collect_dir>/opt/backup/collect</collect_dir></peer>";

const STAGE: &[Case] = &[
    ("<staging_dir>/opt/stage</staging_dir>", "", false),
    (STAGE_PEER, "", true),
    (STAGE_PEER, "<peer><type>x</type></peer>", true),
    (STAGE_PEER, "<peer><type>local</type></peer>", false),
    (
        STAGE_PEER,
        "<peer><name>a</name><type>remote</type><collect_dir>/c</collect_dir><managed>Y</managed></peer>",
        true,
    ),
    ("<peers>", "<peers/><peers>", false),
    ("<peers>", "<nopeers/><peers>", true),
];

const STORE: &[Case] = &[
    ("<source_dir>/opt/stage</source_dir>", "", false),
    ("<media_type>cdrw-74</media_type>", "", false),
    ("<media_type>cdrw-74</media_type>", "<media_type>cdr-80</media_type>", true),
    ("<media_type>cdrw-74</media_type>", "<media_type>dvd+r</media_type>", false),
    ("<media_type>cdrw-74</media_type>", "<media_type>dvd-r</media_type>", false),
    ("<device_type>cdwriter</device_type>", "", true),
    ("<device_type>cdwriter</device_type>", "<device_type>dvdwriter</device_type>", false),
    ("<device_type>cdwriter</device_type>", "<device_type>bdwriter</device_type>", false),
    ("<target_device>/dev/null/cdrw</target_device>", "", false),
    (SCSI, "", true),
    ("<check_data>Y</check_data>", "<check_data>1</check_data>", false),
    ("<eject_delay>3</eject_delay>", "<eject_delay>0</eject_delay>", true),
    ("<eject_delay>3</eject_delay>", "<eject_delay>-1</eject_delay>", false),
    (FACTOR, "", true),
    ("<blank_behavior><mode>weekly</mode><factor>1.3</factor></blank_behavior>", "<blank_behavior/>", false),
    ("<blank_behavior><mode>weekly</mode><factor>1.3</factor></blank_behavior>", "", true),
    (
        "<blank_behavior><mode>weekly</mode><factor>1.3</factor></blank_behavior>",
        "<blank_behavior><blank_mode>weekly</blank_mode></blank_behavior>",
        false,
    ),
    ("<blank_behavior><mode>weekly</mode>", "<blank_behavior><mode>never</mode>", false),
];

const TEXT: &[Case] = &[
    (DAY, "<starting_day><![CDATA[tuesday]]></starting_day>", false),
    (DAY, "<starting_day>tuesday<![CDATA[x]]></starting_day>", true),
    (DAY, "<starting_day>tues<![CDATA[]]>day</starting_day>", true),
    (DAY, "<starting_day>tues<!-- -->day</starting_day>", false),
    (DAY, "<starting_day><!-- -->tuesday</starting_day>", true),
    (DAY, "<starting_day>tuesday<!-- -->x</starting_day>", true),
    (DAY, "<starting_day>tues<?x?>day</starting_day>", false),
    (DAY, "<starting_day><b>monday</b>tuesday</starting_day>", true),
    (DAY, "<starting_day>tues&#100;ay</starting_day>", true),
    (DAY, "<starting_day>tues&#x64;&#97;y</starting_day>", true),
    (DAY, "<starting_day>tuesday&#10;</starting_day>", false),
    (DAY, "<starting_day><monday/></starting_day>", false),
    (DAY, "<starting_day/><starting_day>tuesday</starting_day>", true),
    (DAY, "<starting_day>tuesday</starting_day><starting_day>x</starting_day>", true),
    (DAY, "<starting_day>x</starting_day><starting_day>tuesday</starting_day>", false),
    (DAY, "<starting_day> </starting_day><starting_day>tuesday</starting_day>", false),
    (DAY, "<starting_day a='&lt;' b=\"'\">tuesday</starting_day >", true),
];

const ELEMENTS: &[Case] = &[
    (DAY, "<Starting_day>tuesday</Starting_day>", false),
    (DAY, "<x><starting_day>tuesday</starting_day></x>", false),
    (DAY, "<starting_day xmlns='urn:x'>tuesday</starting_day>", true),
    (DAY, "<y:starting_day xmlns:y='urn:x'>tuesday</y:starting_day>", false),
    (DAY, "<y:starting_day>tuesday</y:starting_day><starting_day>tuesday</starting_day>", false),
    (DAY, "<unknown x='1' y='2'/><starting_day>tuesday</starting_day>text", true),
    ("<options>", "<options/><options>", false),
    ("<purge>", "<purge/><purge><dir/>", true),
    ("<cb_config>", "<cb_config xmlns='urn:x'>", true),
];

const DOCUMENT: &[Case] = &[
    ("<author>me</author>", "<author>me & you</author>", false),
    ("<author>me</author>", "<author>&nosuch;</author>", false),
    ("<author>me</author>", "<author>a ]]> b</author>", false),
    ("<author>me</author>", "<author>a > b ]] ></author>", true),
    ("<author>me</author>", "<author>me</Author>", false),
    ("<author>me</author>", "<author>me", false),
    ("<author>me</author>", "<author>me</author></author>", false),
    ("<author>me</author>", "<author a='1' a='2'>me</author>", false),
    ("<author>me</author>", "<author a=1>me</author>", false),
    ("<author>me</author>", "<author a>me</author>", false),
    ("<author>me</author>", "<author a='<'>me</author>", false),
    ("<author>me</author>", "<author a='&x;'>me</author>", false),
    ("<author>me</author>", "<author a='1'b='2'>me</author>", false),
    ("<author>me</author>", "<author xmlns:a='u' xmlns:b='u' a:x='1' b:x='2'>me</author>", false),
    ("<author>me</author>", "<author xmlns:a=''>me</author>", false),
    ("<author>me</author>", "<author xml:lang='de'>me</author>", true),
    ("<author>me</author>", "<author z:lang='de'>me</author>", false),
    ("<author>me</author>", "<a:b:c xmlns:a='u'/>", false),
    ("<author>me</author>", "<:a/>", false),
    ("<author>me</author>", "<1a/>", false),
    ("<author>me</author>", "< author>me</author>", false),
    ("<author>me</author>", "<é.·-1>me</é.·-1>", true),
    ("<author>me</author>", "<!-- a -- b -->", false),
    ("<author>me</author>", "<!-- a --->", false),
    ("<author>me</author>", "<!---->", true),
    ("<author>me</author>", "<!-- a", false),
    ("<author>me</author>", "<?xml version='1.0'?>", false),
    ("<author>me</author>", "<?XmL x?>", false),
    ("<author>me</author>", "<?xmlx?><?a ??>", true),
    ("<author>me</author>", "<author>&#0;</author>", false),
    ("<author>me</author>", "<author>&#x110000;</author>", false),
    ("<author>me</author>", "<author>&#xD800;</author>", false),
    ("<author>me</author>", "<author>&#65536;&#13;</author>", true),
    ("<author>me</author>", "<author>&#X41;</author>", false),
    ("<author>me</author>", "<author>&amp</author>", false),
    ("<author>me</author>", "<author>\u{1}</author>", false),
    ("<author>me</author>", "<author>\u{7f}\u{85}\u{2028}</author>", true),
    ("<author>me</author>", "<author>\u{fffe}</author>", false),
    ("<author>me</author>", "<![CDATA[<&]]>", true),
    ("<author>me</author>", "<![CDATA[ ]]", false),
    ("<author>me</author>", "<!DOCTYPE x>", false),
    ("</cb_config>", "</cb_config><!-- after --><?pi?>\n", true),
    ("</cb_config>", "</cb_config><x/>", false),
    ("</cb_config>", "</cb_config>text", false),
    ("</cb_config>", "</cb_config>&amp;", false),
    ("</cb_config>", "", false),
    ("<?xml version=\"1.0\"?>", "", true),
    ("<?xml version=\"1.0\"?>", "\n \n", true),
    ("<?xml version=\"1.0\"?>", "\n<?xml version=\"1.0\"?>", false),
    ("<?xml version=\"1.0\"?>", "\u{feff}<?xml version=\"1.0\"?>", true),
    ("<?xml version=\"1.0\"?>", "<?xml version=\"1.1\"?>", true),
    ("<?xml version=\"1.0\"?>", "<?xml version='1.0' encoding='iso-8859-1' standalone='yes' ?>", true),
    ("<?xml version=\"1.0\"?>", "<?xml version='1.0' encoding='no-such-thing'?>", true),
    ("<?xml version=\"1.0\"?>", "<?xml encoding='utf-8'?>", false),
    ("<?xml version=\"1.0\"?>", "<?xml version='1.0' standalone='maybe'?>", false),
    ("<?xml version=\"1.0\"?>", "<?xml version='1.0' standalone='no' encoding='utf-8'?>", false),
    ("<?xml version=\"1.0\"?>", "<?xml version='1.0'encoding='utf-8'?>", false),
    ("<?xml version=\"1.0\"?>", "<!DOCTYPE cb_config>", true),
    ("<?xml version=\"1.0\"?>", "<!DOCTYPE other SYSTEM 'nosuch.dtd'>", true),
    ("<?xml version=\"1.0\"?>", "<!DOCTYPE other PUBLIC '-//x' 'nosuch.dtd' [ ] >", true),
    ("<?xml version=\"1.0\"?>", "<!DOCTYPE other PUBLIC '-//x'>", false),
    ("<?xml version=\"1.0\"?>", "<!DOCTYPE a><!DOCTYPE a>", false),
    (
        "<?xml version=\"1.0\"?>",
        "<!DOCTYPE a [ <!ELEMENT a (#PCDATA)> <!ATTLIST a b CDATA 'x>y'> <!NOTATION n SYSTEM 'x'> <?p i?>\n\
         <!-- c --> <!ENTITY e 'x'> <!ENTITY % p 'y'> ]>",
        true,
    ),
    ("<?xml version=\"1.0\"?>", "<!DOCTYPE a [ <!ENTITY e 'x> ]>", false),
    ("<?xml version=\"1.0\"?>", "<!DOCTYPE a [ <!ENTITY e 'a%b;'> ]>", false),
    ("<?xml version=\"1.0\"?>", "<!DOCTYPE a [ text ]>", false),
];

/// Whole documents: entities, roots, emptiness.
const DOCUMENTS: &[(&str, bool)] = &[
    ("", false),
    ("   \n", false),
    ("text", false),
    ("<cb_config/>", false),
    ("<config/>", false),
    (concat!("<other>", minimal!(), "</other>"), false),
    (concat!("<cb_config>", minimal!(), "</cb_config>"), true),
    (concat!("<cb_config>", minimal!(), "</cb_config>\u{0}"), false),
    (concat!("<!DOCTYPE c [<!ENTITY m '", minimal!(), "'>]><cb_config>&m;</cb_config>"), true),
    (concat!("<!DOCTYPE c [<!ENTITY d '/w'>]><cb_config>", with_dir!("&d;"), "</cb_config>"), true),
    (concat!("<!DOCTYPE c [<!ENTITY d 'w'>]><cb_config>", with_dir!("/&d;"), "</cb_config>"), true),
    (concat!("<!DOCTYPE c [<!ENTITY d 'w'>]><cb_config>", with_dir!("&d;"), "</cb_config>"), false),
    (concat!("<!DOCTYPE c [<!ENTITY d '<!-- -->/w'>]><cb_config>", with_dir!("&d;"), "</cb_config>"), true),
    (concat!("<!DOCTYPE c [<!ENTITY d '&#60;b/>/w'>]><cb_config>", with_dir!("&d;"), "</cb_config>"), true),
    (
        concat!("<!DOCTYPE c [<!ENTITY d '</working_dir>'>]><cb_config>", with_dir!("/w&d;"), "</cb_config>"),
        false,
    ),
    (concat!("<!DOCTYPE c [<!ENTITY d '&d;'>]><cb_config>", with_dir!("/w&d;"), "</cb_config>"), false),
    (
        concat!(
            "<!DOCTYPE c [<!ENTITY d '&e;'><!ENTITY e '&d;'>]><cb_config>",
            with_dir!("/w&d;"),
            "</cb_config>"
        ),
        false,
    ),
    (concat!("<!DOCTYPE c [<!ENTITY d '&e;'>]><cb_config>", with_dir!("/w"), "</cb_config>"), true),
    (concat!("<!DOCTYPE c [<!ENTITY d '&e;'>]><cb_config>", with_dir!("/w&d;"), "</cb_config>"), false),
    (
        concat!(
            "<!DOCTYPE c [<!ENTITY d SYSTEM '/etc/passwd'>]><cb_config>",
            with_dir!("&d;/w"),
            "</cb_config>"
        ),
        true,
    ),
    (concat!("<!DOCTYPE c SYSTEM 'x'><cb_config>", with_dir!("&d;/w"), "</cb_config>"), true),
    (
        concat!(
            "<?xml version='1.0' standalone='yes'?><!DOCTYPE c SYSTEM 'x'><cb_config>",
            with_dir!("&d;/w"),
            "</cb_config>"
        ),
        false,
    ),
    (concat!("<!DOCTYPE c [<!ENTITY lt 'x'>]><cb_config>", with_dir!("/w&lt;"), "</cb_config>"), true),
];

/// Contrived documents that we read otherwise than the original, and whether the original accepts them. None of them means
/// something else to us than to the original: what both accept they read alike.
pub(crate) const DEPARTURES: &[(&str, bool)] = &[
    // Entities that are no XML, used or not.
    (concat!("<!DOCTYPE c [<!ENTITY d 'a&b'>]><cb_config>", minimal!(), "</cb_config>"), false),
    (concat!("<!DOCTYPE c [<!ENTITY : 'x'>]><cb_config>", minimal!(), "</cb_config>"), false),
    (concat!("<!DOCTYPE c [<!ENTITY d '<b>'>]><cb_config>", with_dir!("/w&d;</b>"), "</cb_config>"), false),
    (
        concat!(
            "<!DOCTYPE c [<!ENTITY d SYSTEM 'x' NDATA n>]><cb_config>",
            with_dir!("&d;/w"),
            "</cb_config>"
        ),
        false,
    ),
    (concat!("<!DOCTYPE c [<!ENTITY d '<'>]><cb_config a='&d;'>", minimal!(), "</cb_config>"), false),
    (concat!("<!DOCTYPE c [<!ENTITY d SYSTEM 'x'>]><cb_config a='&d;'>", minimal!(), "</cb_config>"), false),
    // Other things in a document type.
    (concat!("<!DOCTYPE c ['x']><cb_config>", minimal!(), "</cb_config>"), false),
    (
        concat!("<!DOCTYPE c [<!ELEMENT a ANY><!ELEMENT a ANY>]><cb_config>", minimal!(), "</cb_config>"),
        false,
    ),
    (concat!("<!DOCTYPE c [%p;]><cb_config>", minimal!(), "</cb_config>"), true),
    (
        concat!("<!DOCTYPE c [<!ENTITY % p SYSTEM 'x'> %p;]><cb_config>", with_dir!("&d;/w"), "</cb_config>"),
        true,
    ),
    // Attributes with markup other than the beginning of an element in them.
    (concat!("<cb_config a='</b>'>", minimal!(), "</cb_config>"), false),
    (concat!("<cb_config a='<!-- -->'>", minimal!(), "</cb_config>"), false),
    (concat!("<cb_config a='<![CDATA[ ]]>'>", minimal!(), "</cb_config>"), false),
    // Names.
    (concat!("<cb_config>", minimal!(), "<?a:b?></cb_config>"), false),
    (concat!("<cb_config xml:-a='x'>", minimal!(), "</cb_config>"), false),
    (concat!("<cb_config \u{10000}='x'>", minimal!(), "</cb_config>"), false),
    (concat!("<cb_config>", minimal!(), "<xml:a/></cb_config>"), true),
    // Other versions of XML.
    (concat!("<?xml version='2.0'?><cb_config>", minimal!(), "</cb_config>"), true),
    (concat!("<?xml version='1.1'?><cb_config>", minimal!(), "&#1;</cb_config>"), false),
    (concat!("<?xml version='1.1'?><cb_config>", minimal!(), "\u{7f}</cb_config>"), true),
];
