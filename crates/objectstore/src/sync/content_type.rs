//! What is in a file, by its name: as the AWS CLI says it, so that objects are the same whoever uploads them.

/// The type of what is in a file; nothing where the name does not tell, or tells only how it is compressed.
pub(crate) fn guess(name: &str) -> Option<&'static str> {
    let name = name.rsplit('/').next().unwrap_or(name);
    let (stem, ending) = split(name)?;
    if let Some((_, tar)) = TARS.iter().find(|(short, _)| *short == ending) {
        return by_ending(tar);
    }
    if COMPRESSED.contains(&ending) {
        let (_, inner) = split(stem)?;
        return by_ending(inner);
    }
    by_ending(ending)
}

/// A name and what is behind its last dot, which must not be its first character.
fn split(name: &str) -> Option<(&str, &str)> {
    let (stem, ending) = name.rsplit_once('.')?;
    stem.chars().any(|c| c != '.').then_some((stem, ending))
}

fn by_ending(ending: &str) -> Option<&'static str> {
    let find = |ending: &str| TYPES.iter().find(|(_, endings)| endings.split(' ').any(|one| one == ending));
    find(ending).or_else(|| find(&ending.to_lowercase())).map(|(kind, _)| *kind)
}

const COMPRESSED: [&str; 5] = ["gz", "Z", "bz2", "xz", "br"];

const TARS: [(&str, &str); 6] =
    [("tgz", "tar"), ("taz", "tar"), ("tz", "tar"), ("tbz2", "tar"), ("txz", "tar"), ("svgz", "svg")];

const TYPES: &[(&str, &str)] = &[
    ("application/json", "json"),
    ("application/manifest+json", "webmanifest"),
    ("application/msword", "doc dot wiz"),
    ("application/n-quads", "nq"),
    ("application/n-triples", "nt"),
    ("application/octet-stream", "a bin dll exe o obj so"),
    ("application/oda", "oda"),
    ("application/pdf", "pdf"),
    ("application/pkcs7-mime", "p7c"),
    ("application/postscript", "ps ai eps"),
    ("application/trig", "trig"),
    ("application/vnd.apple.mpegurl", "m3u m3u8"),
    ("application/vnd.ms-excel", "xls xlb"),
    ("application/vnd.ms-powerpoint", "ppt pot ppa pps pwz"),
    ("application/wasm", "wasm"),
    ("application/x-bcpio", "bcpio"),
    ("application/x-cpio", "cpio"),
    ("application/x-csh", "csh"),
    ("application/x-dvi", "dvi"),
    ("application/x-gtar", "gtar"),
    ("application/x-hdf", "hdf"),
    ("application/x-hdf5", "h5"),
    ("application/x-latex", "latex"),
    ("application/x-mif", "mif"),
    ("application/x-netcdf", "cdf nc"),
    ("application/x-pkcs12", "p12 pfx"),
    ("application/x-pn-realaudio", "ram"),
    ("application/x-python-code", "pyc pyo"),
    ("application/x-sh", "sh"),
    ("application/x-shar", "shar"),
    ("application/x-shockwave-flash", "swf"),
    ("application/x-sv4cpio", "sv4cpio"),
    ("application/x-sv4crc", "sv4crc"),
    ("application/x-tar", "tar"),
    ("application/x-tcl", "tcl"),
    ("application/x-tex", "tex"),
    ("application/x-texinfo", "texi texinfo"),
    ("application/x-troff", "roff t tr"),
    ("application/x-troff-man", "man"),
    ("application/x-troff-me", "me"),
    ("application/x-troff-ms", "ms"),
    ("application/x-ustar", "ustar"),
    ("application/x-wais-source", "src"),
    ("application/xml", "xsl rdf wsdl xpdl"),
    ("application/zip", "zip"),
    ("audio/3gpp", "3gp 3gpp"),
    ("audio/3gpp2", "3g2 3gpp2"),
    ("audio/aac", "adts loas aac ass"),
    ("audio/basic", "au snd"),
    ("audio/mpeg", "mp3 mp2"),
    ("audio/opus", "opus"),
    ("audio/x-aiff", "aif aifc aiff"),
    ("audio/x-pn-realaudio", "ra"),
    ("audio/x-wav", "wav"),
    ("image/avif", "avif"),
    ("image/bmp", "bmp"),
    ("image/gif", "gif"),
    ("image/heic", "heic"),
    ("image/heif", "heif"),
    ("image/ief", "ief"),
    ("image/jpeg", "jpg jpe jpeg"),
    ("image/png", "png"),
    ("image/svg+xml", "svg"),
    ("image/tiff", "tiff tif"),
    ("image/vnd.microsoft.icon", "ico"),
    ("image/x-cmu-raster", "ras"),
    ("image/x-portable-anymap", "pnm"),
    ("image/x-portable-bitmap", "pbm"),
    ("image/x-portable-graymap", "pgm"),
    ("image/x-portable-pixmap", "ppm"),
    ("image/x-rgb", "rgb"),
    ("image/x-xbitmap", "xbm"),
    ("image/x-xpixmap", "xpm"),
    ("image/x-xwindowdump", "xwd"),
    ("message/rfc822", "eml mht mhtml nws"),
    ("text/css", "css"),
    ("text/csv", "csv"),
    ("text/html", "html htm"),
    ("text/javascript", "js mjs"),
    ("text/n3", "n3"),
    ("text/plain", "txt bat c h ksh pl srt"),
    ("text/tab-separated-values", "tsv"),
    ("text/vtt", "vtt"),
    ("text/richtext", "rtx"),
    ("text/x-python", "py"),
    ("text/x-setext", "etx"),
    ("text/x-sgml", "sgm sgml"),
    ("text/x-vcard", "vcf"),
    ("text/xml", "xml"),
    ("video/mp4", "mp4"),
    ("video/mpeg", "mpeg m1v mpa mpe mpg"),
    ("video/quicktime", "mov qt"),
    ("video/webm", "webm"),
    ("video/x-msvideo", "avi"),
    ("video/x-sgi-movie", "movie"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_the_cli_makes_of_them() {
        for (name, kind) in [
            ("a/b.txt", Some("text/plain")),
            ("photo.JPG", Some("image/jpeg")),
            ("x.tar.gz", Some("application/x-tar")),
            ("x.tgz", Some("application/x-tar")),
            ("x.txt.bz2", Some("text/plain")),
            ("x.gz", None),
            ("x.unknown", None),
            ("README", None),
            (".txt", None),
            ("dir.txt/file", None),
        ] {
            assert_eq!(guess(name), kind, "{name}");
        }
    }
}
